"""Audiences: segments by their older name, under the same ids."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import subscribing


@operation("POST /audiences")
def create(ctx: Context) -> dict[str, Any]:
    """A new one."""
    made = ctx.create("segment", object="segment", name=ctx.body["name"])
    return {"object": "audience", "id": made.id, "name": made["name"]}


@operation("GET /audiences")
def listed(ctx: Context) -> Any:
    """All of them."""
    return ctx.page([_shown(one) for one in ctx.list("segment")])


@operation("GET /audiences/{id}")
def retrieve(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - the document's name
    """One of them."""
    return {"object": "audience", **_shown(_found(ctx, id))}


@operation("DELETE /audiences/{id}")
def delete(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Delete one; its contacts stay."""
    _end(ctx, _found(ctx, id))
    return {"object": "audience", "id": id, "deleted": True}


@operation("DELETE /segments/{id}")
def delete_segment(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Delete a segment; its contacts stay."""
    _end(ctx, subscribing.segment(ctx, id))
    return {"object": "segment", "id": id, "deleted": True}


def _end(ctx: Context, found: Entity) -> None:
    for one in subscribing.members(ctx, found.id):
        ctx.update(one, _segments=[segment for segment in one["_segments"] if segment != found.id])
    ctx.delete(found)


def _found(ctx: Context, id: str) -> Entity:  # noqa: A002 - as above
    found = ctx.find("segment", id)
    if found is None:
        raise ctx.not_found("audience", id)
    return found


def _shown(segment: Entity) -> dict[str, Any]:
    return {name: segment[name] for name in ("id", "name", "created_at")}
