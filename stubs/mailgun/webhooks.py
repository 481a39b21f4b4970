"""Webhooks: of a domain by kind of event (v3) or by address (v4), of the account (v1), and the key that signs them."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import common
from .common import ACCOUNT, wrong

KINDS = ("accepted", "clicked", "complained", "delivered", "opened", "permanent_fail", "temporary_fail", "unsubscribed")
MOST = 3  # addresses for a kind


@operation("GET /v3/domains/{domain}/webhooks")
def listed(ctx: Context, domain: str) -> dict[str, Any]:
    """All of a domain, by kind."""
    return _all(ctx, common.domain(ctx, domain))


@operation("POST /v3/domains/{domain}/webhooks")
def create(ctx: Context, domain: str) -> dict[str, Any]:
    """Addresses for a kind of events."""
    found = common.domain(ctx, domain)
    kind = _kind(ctx.body["id"])
    if _urls(ctx, found, kind):
        raise wrong("Webhook already exists")
    return _set(ctx, found, kind, "Webhook has been created")


@operation("GET /v3/domains/{domain_name}/webhooks/{webhook_name}")
def retrieve(ctx: Context, domain_name: str, webhook_name: str) -> dict[str, Any]:
    """Those for one kind."""
    return {"webhook": {"urls": _known(ctx, common.domain(ctx, domain_name), webhook_name)}}


@operation("PUT /v3/domains/{domain_name}/webhooks/{webhook_name}")
def update(ctx: Context, domain_name: str, webhook_name: str) -> dict[str, Any]:
    """Other addresses for it."""
    found = common.domain(ctx, domain_name)
    _known(ctx, found, webhook_name)
    return _set(ctx, found, webhook_name, "Webhook has been updated")


@operation("DELETE /v3/domains/{domain_name}/webhooks/{webhook_name}")
def delete(ctx: Context, domain_name: str, webhook_name: str) -> dict[str, Any]:
    """None for it."""
    found = common.domain(ctx, domain_name)
    urls = _known(ctx, found, webhook_name)
    _take(ctx, found, kind=webhook_name)
    return {"message": "Webhook has been deleted", "webhook": {"urls": urls}}


@operation("POST /v4/domains/{domain}/webhooks")
def subscribe(ctx: Context, domain: str) -> dict[str, Any]:
    """An address for several kinds."""
    found = common.domain(ctx, domain)
    url = _url(ctx.body["url"])
    for kind in _kinds(ctx):
        urls = _urls(ctx, found, kind)
        if url not in urls:
            if len(urls) >= MOST:
                raise wrong(f"at most {MOST} urls are allowed for {kind}")
            ctx.create("hook", domain=found["name"], url=url, types=[kind])
    return _all(ctx, found)


@operation("PUT /v4/domains/{domain}/webhooks")
def resubscribe(ctx: Context, domain: str) -> dict[str, Any]:
    """Other kinds for an address."""
    found = common.domain(ctx, domain)
    url = _url(ctx.body["url"])
    if not any(url in _urls(ctx, found, kind) for kind in KINDS):
        raise wrong("Webhook not found", 404)
    kinds = _kinds(ctx)
    _take(ctx, found, url=url)
    for kind in kinds:
        ctx.create("hook", domain=found["name"], url=url, types=[kind])
    return _all(ctx, found)


@operation("DELETE /v4/domains/{domain}/webhooks")
def unsubscribe(ctx: Context, domain: str) -> dict[str, Any]:
    """Addresses out of all kinds."""
    found = common.domain(ctx, domain)
    for url in str(ctx.query.get("url") or "").split(","):
        _take(ctx, found, url=url.strip())
    return _all(ctx, found)


@operation("GET /v1/webhooks")
def account_listed(ctx: Context) -> dict[str, Any]:
    """Those of the account."""
    wanted = [one for one in str(ctx.query.get("webhook_ids") or "").split(",") if one]
    found = [one for one in ctx.list("account_webhook", newest_first=False) if not wanted or one.id in wanted]
    return {"webhooks": [dict(one) for one in found]}


@operation("POST /v1/webhooks")
def account_create(ctx: Context) -> dict[str, Any]:
    """An address for events of all domains."""
    url, kinds = _url(ctx.body["url"]), _kinds(ctx)
    description = ctx.body.get("description", "")
    made = ctx.create(
        "account_webhook", url=url, event_types=kinds, description=description, created_at=common.written(ctx.now_ms())
    )
    ctx.create("hook", made.id, account=ACCOUNT, url=url, types=kinds)
    return {"webhook_id": made.id}


@operation("PUT /v1/webhooks/{webhook_id}")
def account_update(ctx: Context, webhook_id: str) -> None:
    """Another address, other kinds."""
    found = ctx.get("account_webhook", webhook_id)
    url, kinds = _url(ctx.body["url"]), _kinds(ctx)
    ctx.update(found, url=url, event_types=kinds, description=ctx.body.get("description", found["description"]))
    ctx.update(ctx.get("hook", webhook_id), url=url, types=kinds)


@operation("DELETE /v1/webhooks/{webhook_id}")
def account_delete(ctx: Context, webhook_id: str) -> None:
    """Take one out."""
    ctx.delete(ctx.get("account_webhook", webhook_id))
    ctx.delete(ctx.get("hook", webhook_id))


@operation("DELETE /v1/webhooks")
def account_delete_all(ctx: Context) -> None:
    """Take several out, or all."""
    wanted = [one for one in str(ctx.query.get("webhook_ids") or "").split(",") if one]
    for one in ctx.list("account_webhook"):
        if one.id in wanted or (not wanted and common.yes(ctx.query.get("all"))):
            account_delete(ctx, one.id)


@operation("GET /v5/accounts/http_signing_key")
def signing_key(ctx: Context) -> dict[str, Any]:
    """The key that webhooks are signed with."""
    return {"message": "success", "http_signing_key": ctx.list("signing")[0]["key"]}


@operation("POST /v5/accounts/http_signing_key")
def new_signing_key(ctx: Context) -> dict[str, Any]:
    """Another one, from now on."""
    made = ctx.update(ctx.list("signing")[0], key=f"key-{ctx.token(32).lower()}")
    return {"message": "success", "http_signing_key": made["key"]}


def _all(ctx: Context, domain: Entity) -> dict[str, Any]:
    found = {kind: _urls(ctx, domain, kind) for kind in KINDS}
    return {"webhooks": {kind: {"urls": urls} if urls else None for kind, urls in found.items()}}


def _set(ctx: Context, domain: Entity, kind: str, message: str) -> dict[str, Any]:
    urls = list(dict.fromkeys(map(_url, common.several(ctx, "url") or [ctx.body["url"]])))
    if len(urls) > MOST:
        raise wrong(f"at most {MOST} urls are allowed for {kind}")
    _take(ctx, domain, kind=kind)
    for url in urls:
        ctx.create("hook", domain=domain["name"], url=url, types=[kind])
    return {"message": message, "webhook": {"urls": urls}}


def _urls(ctx: Context, domain: Entity, kind: str) -> list[str]:
    return [one["url"] for one in ctx.list("hook", domain=domain["name"], newest_first=False) if one["types"] == [kind]]


def _known(ctx: Context, domain: Entity, kind: str) -> list[str]:
    urls = _urls(ctx, domain, kind)
    if not urls:
        raise wrong("Webhook not found", 404)
    return urls


def _take(ctx: Context, domain: Entity, kind: str = "", url: str = "") -> None:
    for one in ctx.list("hook", domain=domain["name"]):
        if one["types"] == [kind] or one["url"] == url:
            ctx.delete(one)


def _kind(given: str) -> str:
    if given not in KINDS:
        raise wrong(f"Invalid webhook type: {given}. It can be any of: {', '.join(KINDS)}")
    return given


def _kinds(ctx: Context) -> list[str]:
    given = common.several(ctx, "event_types") or [ctx.body["event_types"]]
    return list(dict.fromkeys(_kind(one.strip()) for text in given for one in text.split(",")))


def _url(given: str) -> str:
    if not given.startswith(("http://", "https://")):
        raise wrong(f"Invalid url: {given}")
    return given
