"""Domains: added, verified when it is asked for, and how they track and connect."""

import re
from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import common
from .common import wrong

_NAME = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_FLAGS = ("wildcard", "require_tls", "skip_verification")
_TEXTS = ("spam_action", "web_scheme", "web_prefix")
_CHANGED = "Domain tracking settings have been updated"
_TRACKING: dict[str, dict[str, Any]] = {
    "open": {"active": False, "place_at_the_top": False},
    "click": {"active": False},
    "unsubscribe": {
        "active": False,
        "html_footer": '\n<br>\n<p><a href="%unsubscribe_url%">unsubscribe</a></p>\n',
        "text_footer": "\n\nTo unsubscribe click: <%unsubscribe_url%>\n\n",
    },
}


@operation("GET /v4/domains")
def listed(ctx: Context) -> dict[str, Any]:
    """All of them, by name."""
    query = ctx.query
    found = sorted(ctx.list("domain"), key=lambda one: str(one["name"]), reverse=str(query.get("sort")) == "name:desc")
    if query.get("state"):
        found = [one for one in found if one["state"] == query["state"]]
    if query.get("search"):
        found = [one for one in found if query["search"].lower() in one["name"]]
    page = common.counted(ctx, found)
    return {**page, "items": [_shown(one) for one in page["items"]]}


@operation("GET /v3/domains")
def listed_before(ctx: Context) -> dict[str, Any]:
    """As version 4."""
    return listed(ctx)


@operation("POST /v4/domains")
def create(ctx: Context) -> dict[str, Any]:
    """Add a domain: its records are still to be looked up."""
    body = ctx.body
    name = body["name"].strip().lower()
    if not _NAME.fullmatch(name):
        raise wrong(f"Invalid domain name: {body['name']}")
    if ctx.find("domain", name) is not None:
        raise wrong("This domain name is already taken")
    made = ctx.create(
        "domain", name, id=ctx.new_id("domain"), name=name, state="unverified", type="custom", created_at=common.written(ctx.now_ms()),
        smtp_login=f"postmaster@{name}", spam_action=body.get("spam_action") or "disabled", is_disabled=False,
        web_prefix=body.get("web_prefix") or "email", web_scheme=body.get("web_scheme") or "https",
        **{flag: common.yes(body.get(flag)) for flag in _FLAGS}, _dkim=ctx.token(216), _selector="pic",
    )  # fmt: skip
    ctx.emit("domain.created", {"id": made["id"], "name": name})
    return {"message": "Domain has been created", **_whole(made)}


@operation("POST /v3/domains")
def create_before(ctx: Context) -> dict[str, Any]:
    """As version 4."""
    return create(ctx)


@operation("GET /v4/domains/{name}")
def retrieve(ctx: Context, name: str) -> dict[str, Any]:
    """One with its records."""
    return _whole(common.domain(ctx, name))


@operation("GET /v3/domains/{name}")
def retrieve_before(ctx: Context, name: str) -> dict[str, Any]:
    """As version 4."""
    return retrieve(ctx, name)


@operation("PUT /v4/domains/{name}")
def update(ctx: Context, name: str) -> dict[str, Any]:
    """Change its settings."""
    body = ctx.body
    fields: dict[str, Any] = {field: body[field] for field in _TEXTS if field in body}
    fields |= {flag: common.yes(body[flag]) for flag in _FLAGS if flag in body}
    return {"message": "Domain has been updated", **_whole(ctx.update(common.domain(ctx, name), **fields))}


@operation("PUT /v3/domains/{name}")
def update_before(ctx: Context, name: str) -> dict[str, Any]:
    """As version 4."""
    return update(ctx, name)


@operation("DELETE /v3/domains/{name}")
def delete(ctx: Context, name: str) -> dict[str, Any]:
    """Give a domain up."""
    ctx.delete(common.domain(ctx, name))
    return {"message": "Domain will be deleted in the background"}


@operation("PUT /v4/domains/{name}/verify")
def verify(ctx: Context, name: str) -> dict[str, Any]:
    """Have its records looked up: they are there."""
    found = ctx.update(common.domain(ctx, name), state="active")
    return {"message": "Domain DNS records have been updated", **_whole(found)}


@operation("PUT /v3/domains/{name}/verify")
def verify_before(ctx: Context, name: str) -> dict[str, Any]:
    """As version 4."""
    return verify(ctx, name)


@operation("GET /v3/domains/{name}/tracking")
def tracking(ctx: Context, name: str) -> dict[str, Any]:
    """What of its mail is tracked."""
    return {"tracking": _tracking(common.domain(ctx, name))}


@operation("PUT /v3/domains/{name}/tracking/open")
def track_opens(ctx: Context, name: str) -> dict[str, Any]:
    """Track opens, or don't."""
    return _track(ctx, name, "open")


@operation("PUT /v3/domains/{name}/tracking/click")
def track_clicks(ctx: Context, name: str) -> dict[str, Any]:
    """Track clicks, or don't."""
    return _track(ctx, name, "click")


@operation("PUT /v3/domains/{name}/tracking/unsubscribe")
def track_unsubscribes(ctx: Context, name: str) -> dict[str, Any]:
    """Add links to leave, or don't."""
    return _track(ctx, name, "unsubscribe")


@operation("GET /v3/domains/{name}/connection")
def connection(ctx: Context, name: str) -> dict[str, Any]:
    """How its mail is handed on."""
    found = common.domain(ctx, name)
    return {"connection": {flag: found[flag] for flag in ("require_tls", "skip_verification")}}


@operation("PUT /v3/domains/{name}/connection")
def connect(ctx: Context, name: str) -> dict[str, Any]:
    """Change that."""
    found = common.domain(ctx, name)
    flags = ("require_tls", "skip_verification")
    fields = {flag: common.yes(ctx.body[flag]) for flag in flags if flag in ctx.body}
    changed = ctx.update(found, **fields)
    told = {flag.replace("_", "-"): changed[flag] for flag in flags}
    return {"message": "Domain connection settings have been updated, may take 10 minutes to fully propagate", **told}


@operation("PUT /v3/domains/{domain_name}/dkim_authority")
def dkim_authority(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Who signs for it."""
    found = common.domain(ctx, domain_name)
    wanted = common.yes(ctx.body["self"])
    changed = bool(found.get("_authority", True)) != wanted
    ctx.update(found, _authority=wanted)
    message = "Domain DKIM authority has been changed" if changed else "Domain DKIM authority has not been changed"
    return {"message": message, "changed": changed, "sending_dns_records": _whole(found)["sending_dns_records"]}


@operation("PUT /v3/domains/{domain_name}/dkim_selector")
def dkim_selector(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Under which name its key is found."""
    ctx.update(common.domain(ctx, domain_name), _selector=ctx.body["dkim_selector"])
    return {"message": "updated dkim selector"}


@operation("PUT /v3/domains/{domain_name}/web_prefix")
def web_prefix(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Where its links lead through."""
    ctx.update(common.domain(ctx, domain_name), web_prefix=ctx.body["web_prefix"])
    return {"message": "Domain web prefix updated"}


def _track(ctx: Context, name: str, kind: str) -> dict[str, Any]:
    found = common.domain(ctx, name)
    known = _tracking(found)
    given: dict[str, Any] = {field: ctx.body[field] for field in known[kind] if field in ctx.body}
    for field in ("active", "place_at_the_top"):
        if field in given and given[field] != "htmlonly":
            given[field] = common.yes(given[field])
    known[kind] = {**known[kind], **given}
    ctx.update(found, _tracking=known)
    return {"message": _CHANGED, kind: known[kind]}


def _tracking(found: Entity) -> dict[str, Any]:
    kept: dict[str, Any] = found.get("_tracking") or {}
    return {kind: {**fields, **kept.get(kind, {})} for kind, fields in _TRACKING.items()}


def _shown(found: Entity) -> dict[str, Any]:
    return {name: value for name, value in found.items() if not name.startswith("_") and value is not None}


def _whole(found: Entity) -> dict[str, Any]:
    name, active = found["name"], found["state"] == "active"

    def record(kind: str, at: str, value: str, priority: str | None = None) -> dict[str, Any]:
        told = {
            "record_type": kind,
            "name": at,
            "value": value,
            "valid": "valid" if active else "unknown",
            "is_active": active,
        }
        return {**told, "cached": [value] if active else [], **({"priority": priority} if priority else {})}

    key = f"k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB{found.get('_dkim') or '0'}"
    sending = [
        record("TXT", name, "v=spf1 include:mailgun.org ~all"),
        record("TXT", f"{found.get('_selector') or 'pic'}._domainkey.{name}", key),
        record("CNAME", f"{found['web_prefix']}.{name}", "mailgun.org"),
    ]
    receiving = [record("MX", name, f"{host}.mailgun.org", "10") for host in ("mxa", "mxb")]
    return {"domain": _shown(found), "receiving_dns_records": receiving, "sending_dns_records": sending}
