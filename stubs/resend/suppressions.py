"""Suppressions: addresses that nothing is sent to."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import addresses
from .telling import tell

_OBJECT = {"object": "suppression"}
_FIELDS = ("id", "email", "origin", "source_id", "created_at")


@operation("POST /suppressions")
def create(ctx: Context) -> dict[str, Any]:
    """Suppress an address by hand. One that is suppressed already stays so."""
    email = addresses.bare(ctx.body["email"]).lower()
    if not email:
        raise addresses.wrong("email")
    known = next(iter(ctx.list("suppression", email=email, limit=1)), None)
    if known is None:
        known = ctx.create("suppression", **_OBJECT, email=email, origin="manual", source_id=None)
        tell(ctx, "suppression.created", {name: known[name] for name in _FIELDS})
    return {**_OBJECT, "id": known.id}


@operation("GET /suppressions/{id}")
def retrieve(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's name
    """One, by id or address."""
    return _found(ctx, id)


@operation("DELETE /suppressions/{id}")
def delete(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Send to an address again."""
    found = _found(ctx, id)
    ctx.delete(found)
    tell(ctx, "suppression.deleted", {name: found[name] for name in _FIELDS})
    return {**_OBJECT, "id": found.id, "deleted": True}


def _found(ctx: Context, id_or_email: str) -> Entity:
    found = ctx.find("suppression", id_or_email) or next(
        iter(ctx.list("suppression", email=id_or_email.lower(), limit=1)), None
    )
    if found is None:
        raise ctx.not_found("suppression", id_or_email)
    return found
