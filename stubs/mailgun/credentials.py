"""SMTP credentials of a domain. Passwords are checked for their length and kept nowhere."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from . import common
from .common import wrong


@operation("GET /v3/domains/{domain_name}/credentials")
def listed(ctx: Context, domain_name: str) -> dict[str, Any]:
    """All of a domain."""
    found = ctx.list("credential", _domain=common.domain(ctx, domain_name).id)
    page = common.counted(ctx, found)
    names = ("login", "mailbox", "size_bytes", "created_at")
    return {**page, "items": [{name: one.get(name) for name in names} for one in page["items"]]}


@operation("POST /v3/domains/{domain_name}/credentials")
def create(ctx: Context, domain_name: str) -> dict[str, Any]:
    """A new one; without a password, one is made up and told this once."""
    domain = common.domain(ctx, domain_name)
    login = ctx.body.get("login") or ctx.body.get("mailbox")
    if not login:
        raise Refusal.of("missing", param="login")
    full = login if "@" in login else f"{login}@{domain['name']}"
    made = {} if ctx.body.get("password") else {full: ctx.token(24)}
    _check(ctx.body.get("password") or made[full])
    if ctx.find("credential", full) is None:
        created = common.written(ctx.now_ms())
        ctx.create("credential", full, login=full, mailbox=full, size_bytes=None, created_at=created, _domain=domain.id)
    if made:
        return {
            "message": "Created 1 credentials pair(s)",
            "note": "These credentials are only shown once.",
            "credentials": made,
        }
    return {"message": "Created 1 credentials pair(s)"}


@operation("PUT /v3/domains/{domain_name}/credentials/{login}")
def update(ctx: Context, domain_name: str, login: str) -> dict[str, Any]:
    """Another password."""
    _found(ctx, domain_name, login)
    _check(ctx.body["password"])
    return {"message": "Password changed"}


@operation("DELETE /v3/domains/{domain_name}/credentials/{login}")
def delete(ctx: Context, domain_name: str, login: str) -> dict[str, Any]:
    """Take one back."""
    found = _found(ctx, domain_name, login)
    ctx.delete(found)
    return {"message": "Credentials have been deleted", "spec": found.id}


def _found(ctx: Context, domain_name: str, login: str) -> Entity:
    domain = common.domain(ctx, domain_name)
    found = ctx.find("credential", login if "@" in login else f"{login}@{domain['name']}")
    if found is None or found["_domain"] != domain.id:
        raise wrong("Credentials not found", 404)
    return found


def _check(password: str) -> None:
    if not 5 <= len(password) <= 32:
        raise wrong("Password must be between 5 and 32 characters long")
