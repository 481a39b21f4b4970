"""Mailing lists: an address that stands for its members."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import common
from .common import wrong

LEVELS = ("readonly", "members", "everyone")
REPLIES = ("list", "sender")
_FIELDS = ("name", "description", "access_level", "reply_preference")


@operation("GET /v3/lists")
def counted(ctx: Context) -> dict[str, Any]:
    """All, by number."""
    wanted = str(ctx.query.get("address") or "").lower()
    found = [one for one in ctx.list("list") if not wanted or one["address"] == wanted]
    page = common.counted(ctx, found)
    return {**page, "items": [shown(ctx, one) for one in page["items"]]}


@operation("GET /v3/lists/pages")
def paged(ctx: Context) -> dict[str, Any]:
    """All, page by page."""
    found, paging = common.paged(ctx, ctx.list("list"), lambda one: str(one["address"]), most=100)
    return {"items": [shown(ctx, one) for one in found], "paging": paging}


@operation("POST /v3/lists")
def create(ctx: Context) -> dict[str, Any]:
    """A new one, at a domain of the account."""
    address = common.bare(ctx.body["address"]).lower()
    if not address:
        raise wrong("'address' parameter is not a valid address. please check documentation")
    common.domain(ctx, address.rpartition("@")[2])
    if ctx.list("list", address=address, limit=1):
        raise wrong(f"Duplicate object: mailing list {address} already exists")
    given = _checked(ctx)
    made = ctx.create(
        "list", address=address, name=given.get("name", ""), description=given.get("description", ""), members_count=0,
        access_level=given.get("access_level", "readonly"), reply_preference=given.get("reply_preference", "list"),
        created_at=common.written(ctx.now_ms()),
    )  # fmt: skip
    return {"message": "Mailing list has been created", "list": shown(ctx, made)}


@operation("GET /v3/lists/{list_address}")
def retrieve(ctx: Context, list_address: str) -> dict[str, Any]:
    """One of them."""
    return {"list": shown(ctx, found(ctx, list_address))}


@operation("PUT /v3/lists/{list_address}")
def update(ctx: Context, list_address: str) -> dict[str, Any]:
    """Change one."""
    one = found(ctx, list_address)
    fields = _checked(ctx)
    if ctx.body.get("address"):
        fields["address"] = common.bare(ctx.body["address"]).lower() or one["address"]
    return {"message": "Mailing list has been updated", "list": shown(ctx, ctx.update(one, **fields))}


@operation("DELETE /v3/lists/{list_address}")
def delete(ctx: Context, list_address: str) -> dict[str, Any]:
    """Delete one with its members."""
    one = found(ctx, list_address)
    for member in ctx.list("member", _list=one.id):
        ctx.delete(member)
    ctx.delete(one)
    return {"message": "Mailing list has been removed", "address": one["address"]}


def found(ctx: Context, address: str) -> Entity:
    """A list by its address. Raises Mailgun's refusal."""
    one = next(iter(ctx.list("list", address=address.lower(), limit=1)), None)
    if one is None:
        raise wrong(f"Mailing list {address} not found", 404)
    return one


def shown(ctx: Context, one: Entity) -> dict[str, Any]:
    """A list with how many are in it."""
    told = {name: one[name] for name in ("address", *_FIELDS, "created_at")}
    return {**told, "members_count": len(ctx.list("member", _list=one.id))}


def _checked(ctx: Context) -> dict[str, Any]:
    body = ctx.body
    level, reply = body.get("access_level"), body.get("reply_preference")
    if level and level not in LEVELS:
        raise wrong(f"Invalid access level '{level}'. It can be any of: 'readonly', 'members', 'everyone'.")
    if reply and reply not in REPLIES:
        raise wrong(f"Invalid reply preference '{reply}'. It can be any of: 'sender', 'list'")
    return {name: body[name] for name in _FIELDS if body.get(name)}
