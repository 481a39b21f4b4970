"""What the event webhook tells, and what is counted for the statistics."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from childproof.stubkit import Context, Entity, ecdsa_key, ecdsa_public_key, operation

SETTINGS = "settings"
KINDS = (
    "bounce", "click", "deferred", "delivered", "dropped", "group_resubscribe", "group_unsubscribe", "open", "processed",
    "spam_report", "unsubscribe",
)  # fmt: skip


def about(ctx: Context, event: str, email: str, smtp_id: str, shown: Mapping[str, Any], **more: str) -> dict[str, Any]:
    """An event about one recipient, as the webhook sends it; custom arguments stand among its own keys."""
    told = {
        **shown["custom"],
        "email": email,
        "timestamp": ctx.now_ms() // 1000,
        "smtp-id": smtp_id,
        "event": event,
        **({"category": shown["category"]} if shown["category"] else {}),
        "sg_event_id": ctx.token(22),
        "sg_message_id": f"{shown['message_id']}.recvd-childproof-1-{shown['message_id'][:6]}.0",
        **more,
    }
    if shown["group"] is not None:
        told["asm_group_id"] = shown["group"]
    if shown["template"]:
        told["sg_template_id"] = shown["template"]
    return told


def tell(ctx: Context, events: Sequence[Mapping[str, Any]]) -> None:
    """Send those events that the settings ask for, together."""
    settings = ctx.find("event_webhook", SETTINGS)
    if settings is None or not settings["enabled"] or not settings["url"]:
        return
    wanted = [event for event in events if settings[str(event["event"])]]
    if wanted:
        secret = settings["key"] if settings["signed"] else ""
        ctx.notify(settings["url"], "events", wanted, secret=secret)


def count(ctx: Context, **numbers: int) -> None:
    """Add to the numbers of the day."""
    day = datetime.fromtimestamp(ctx.now_ms() // 1000, UTC).date().isoformat()
    kept = ctx.find("metrics", day)
    if kept is None:
        ctx.create("metrics", day, day=day, numbers=dict(numbers))
        return
    sums = {**kept["numbers"]}
    for name, number in numbers.items():
        sums[name] = sums.get(name, 0) + number
    ctx.update(kept, numbers=sums)


def _settings(ctx: Context) -> Entity:
    found = ctx.find("event_webhook", SETTINGS)
    if found is not None:
        return found
    return ctx.create(
        "event_webhook", SETTINGS, enabled=False, url="", signed=False, key="", oauth_client_id="", oauth_token_url="",
        **dict.fromkeys(KINDS, False),
    )  # fmt: skip


def _shown(settings: Entity) -> dict[str, Any]:
    names = ("enabled", "url", "oauth_client_id", "oauth_token_url", *KINDS)
    return {name: settings[name] for name in names}


@operation("GET /user/webhooks/event/settings")
def read(ctx: Context) -> dict[str, Any]:
    """The one event webhook of an account."""
    return _shown(_settings(ctx))


@operation("PATCH /user/webhooks/event/settings")
def change(ctx: Context) -> dict[str, Any]:
    """Set where events go and which."""
    known = {"enabled", "url", "oauth_client_id", "oauth_token_url", *KINDS}
    return _shown(ctx.update(_settings(ctx), **{name: ctx.body[name] for name in known & ctx.body.keys()}))


@operation("GET /user/webhooks/event/settings/signed")
def read_key(ctx: Context) -> dict[str, Any]:
    """The public key that signatures are checked with; empty while nothing is signed."""
    settings = _settings(ctx)
    return {"public_key": ecdsa_public_key(settings["key"]) if settings["signed"] else ""}


@operation("PATCH /user/webhooks/event/settings/signed")
def sign(ctx: Context) -> dict[str, Any]:
    """Switch signing on, with a new key, or off."""
    settings = _settings(ctx)
    if not ctx.body["enabled"]:
        ctx.update(settings, signed=False)
        return {"public_key": ""}
    key = settings["key"] or ecdsa_key(ctx.token(64, "0123456789abcdef"))
    ctx.update(settings, signed=True, key=key)
    return {"public_key": ecdsa_public_key(key)}


@operation("POST /user/webhooks/event/test")
def test(ctx: Context) -> None:
    """Send one event of each kind that is about a mail, to try an address out."""
    settings = _settings(ctx)
    shown: dict[str, Any] = {
        "custom": {},
        "category": ["cat facts"],
        "group": None,
        "template": None,
        "message_id": ctx.token(22),
    }
    kinds = ("processed", "deferred", "delivered", "bounce", "dropped")
    events = [about(ctx, kind, "example@test.com", "<14c5d75ce93.dfd.64b469@ismtpd-555>", shown) for kind in kinds]
    ctx.notify(
        ctx.body.get("url") or settings["url"], "test", events, secret=settings["key"] if settings["signed"] else ""
    )
