"""API keys. One that may only send is held to it; one that was deleted is no key any more."""

from typing import Any

from childproof.stubkit import Context, Refusal, operation

_ACCESS = ("full_access", "sending_access")


@operation("POST /api-keys")
def create(ctx: Context) -> dict[str, Any]:
    """A new key, whose text is told this once."""
    access = ctx.body.get("permission") or "full_access"
    if access not in _ACCESS:
        raise Refusal(422, "invalid_access", 'Access must be "full_access" | "sending_access".')
    if ctx.body.get("domain_id"):
        ctx.get("domain", ctx.body["domain_id"])
    token = f"re_{ctx.token(8)}_{ctx.token(24)}"
    made = ctx.create("api_key", name=ctx.body["name"], last_used_at=None, _token=token, _scopes=[access])
    return {"id": made.id, "token": token}


@operation("DELETE /api-keys/{api_key_id}")
def delete(ctx: Context, api_key_id: str) -> dict[str, Any]:
    """Take a key out of use."""
    ctx.delete(ctx.get("api_key", api_key_id))
    return {"object": "api_key", "id": api_key_id, "deleted": True}
