"""Webhooks: where events go. The kit delivers and signs them, as Svix does for Resend."""

import base64
from typing import Any
from urllib.parse import urlsplit

from childproof.stubkit import Context, Entity, Refusal, operation

EVENTS = frozenset(
    f"{group}.{what}"
    for group, kinds in {
        "email": ("sent", "delivered", "delivery_delayed", "complained", "bounced", "opened", "clicked", "received", "failed",
                  "scheduled", "suppressed"),
        "contact": ("created", "updated", "deleted"),
        "domain": ("created", "updated", "deleted"),
        "suppression": ("created", "deleted"),
    }.items()
    for what in kinds
)  # fmt: skip
_OBJECT = {"object": "webhook"}


@operation("POST /webhooks")
def create(ctx: Context) -> dict[str, Any]:
    """Register an endpoint, with a secret of its own."""
    secret = f"whsec_{base64.b64encode(bytes(ctx.random.randrange(256) for _ in range(24))).decode()}"
    made = ctx.create(
        "webhook", **_OBJECT, endpoint=_url(ctx.body["endpoint"]), events=_events(ctx.body["events"]), status="enabled",
        signing_secret=secret,
    )  # fmt: skip
    return {**_OBJECT, "id": made.id, "signing_secret": secret}


@operation("PATCH /webhooks/{webhook_id}")
def update(ctx: Context, webhook_id: str) -> dict[str, Any]:
    """Change an endpoint, switch it off or on."""
    found: Entity = ctx.get("webhook", webhook_id)
    fields = {name: ctx.body[name] for name in ("endpoint", "events", "status") if name in ctx.body}
    if "endpoint" in fields:
        _url(fields["endpoint"])
    if "events" in fields:
        _events(fields["events"])
    ctx.update(found, **fields)
    return {**_OBJECT, "id": found.id}


def _url(given: str) -> str:
    if urlsplit(given).scheme not in {"http", "https"} or not urlsplit(given).netloc:
        raise Refusal(422, "validation_error", "Invalid `endpoint` field. The endpoint must be a valid URL.")
    return given


def _events(given: list[str]) -> list[str]:
    for one in given:
        if one not in EVENTS:
            raise Refusal(422, "validation_error", f"Invalid `events` field. The event `{one}` does not exist.")
    return given
