"""Members of mailing lists, one by one, as JSON or from a file."""

from typing import Any

from childproof.stubkit import Context, Entity, from_json, operation

from . import common, lists
from .common import wrong

MOST = 1000


@operation("GET /v3/lists/{list_address}/members")
def counted(ctx: Context, list_address: str) -> dict[str, Any]:
    """All of a list, by number."""
    page = common.counted(ctx, _wanted(ctx, list_address), most=100)
    return {**page, "items": [_shown(one) for one in page["items"]]}


@operation("GET /v3/lists/{list_address}/members/pages")
def paged(ctx: Context, list_address: str) -> dict[str, Any]:
    """All of a list, page by page."""
    found = _wanted(ctx, list_address, by_address=False)
    shown, paging = common.paged(ctx, found, lambda one: str(one["address"]), most=100)
    return {"items": [_shown(one) for one in shown], "paging": paging}


@operation("POST /v3/lists/{list_address}/members")
def create(ctx: Context, list_address: str) -> dict[str, Any]:
    """Add somebody."""
    body = ctx.body
    given = {**body, "vars": _json(body.get("vars"), dict) or {}}
    made = _join(ctx, lists.found(ctx, list_address), given, upsert=common.yes(body.get("upsert")))
    return {"message": "Mailing list member has been created", "member": _shown(made)}


@operation("POST /v3/lists/{list_address}/members.json")
def create_many(ctx: Context, list_address: str) -> dict[str, Any]:
    """Add up to a thousand, as JSON."""
    found = lists.found(ctx, list_address)
    given = _json(ctx.body["members"], list)
    return _many(ctx, found, [{"address": one} if isinstance(one, str) else one for one in given])


@operation("POST /v3/lists/{list_address}/members.csv")
def create_from_file(ctx: Context, list_address: str) -> dict[str, Any]:
    """Add up to a thousand, from a file."""
    found = lists.found(ctx, list_address)
    default = ctx.body.get("subscribed")
    rows = []
    for row in common.rows(ctx.file("members")):
        given: dict[str, Any] = {**row, "vars": _json(row.get("vars"), dict) or {}}
        rows.append({"subscribed": default, **given} if default is not None else given)
    return _many(ctx, found, rows)


@operation("GET /v3/lists/{list_address}/members/{member_address}")
def retrieve(ctx: Context, list_address: str, member_address: str) -> dict[str, Any]:
    """One of them."""
    return {"member": _shown(_found(ctx, lists.found(ctx, list_address), member_address))}


@operation("PUT /v3/lists/{list_address}/members/{member_address}")
def update(ctx: Context, list_address: str, member_address: str) -> dict[str, Any]:
    """Change one."""
    one = _found(ctx, lists.found(ctx, list_address), member_address)
    body = ctx.body
    fields: dict[str, Any] = {name: body[name] for name in ("address", "name") if body.get(name)}
    if "subscribed" in body:
        fields["subscribed"] = common.yes(body["subscribed"])
    if "vars" in body:
        fields["vars"] = _json(body["vars"], dict) or {}
    if "address" in fields:
        fields["_key"] = fields["address"].lower()
    return {"message": "Mailing list member has been updated", "member": _shown(ctx.update(one, **fields))}


@operation("DELETE /v3/lists/{list_address}/members/{member_address}")
def delete(ctx: Context, list_address: str, member_address: str) -> dict[str, Any]:
    """Take one out."""
    one = _found(ctx, lists.found(ctx, list_address), member_address)
    ctx.delete(one)
    return {"message": "Mailing list member has been deleted", "member": {"address": one["address"]}}


def _many(ctx: Context, found: Entity, given: list[Any]) -> dict[str, Any]:
    if len(given) > MOST:
        raise wrong(f"at most {MOST} members can be added at once")
    for one in given:
        _join(ctx, found, one, upsert=common.yes(ctx.body.get("upsert")))
    shown = lists.shown(ctx, found)
    return {"message": "Mailing list has been updated", "list": shown, "task-id": str(ctx.random.randrange(10**6))}


def _join(ctx: Context, found: Entity, given: Any, *, upsert: bool) -> Entity:
    if not isinstance(given, dict) or not isinstance(given.get("vars") or {}, dict):
        raise wrong("Invalid JSON: expected members with an address")
    address = common.bare(str(given.get("address", "")))
    if not address:
        raise wrong("'address' parameter is not a valid address. please check documentation")
    fields = {
        "name": str(given.get("name") or "") or common.name_of(str(given["address"])),
        "vars": given.get("vars") or {},
        "subscribed": common.yes(given.get("subscribed"), default=True),
    }
    known = next(iter(ctx.list("member", _list=found.id, _key=address.lower(), limit=1)), None)
    if known is not None:
        if not upsert:
            raise wrong(f"Address already exists '{address}'")
        return ctx.update(known, **fields)
    made = ctx.create("member", address=address, **fields, _list=found.id, _key=address.lower())
    ctx.emit("list.joined", {"id": made.id, "list": found["address"], "address": address})
    return made


def _wanted(ctx: Context, list_address: str, *, by_address: bool = True) -> list[Entity]:
    found = ctx.list("member", _list=lists.found(ctx, list_address).id, newest_first=False)
    if ctx.query.get("subscribed") is not None:
        found = [one for one in found if one["subscribed"] is common.yes(ctx.query["subscribed"])]
    if by_address and ctx.query.get("address"):
        found = [one for one in found if one["_key"] == ctx.query["address"].lower()]
    return found


def _found(ctx: Context, one: Entity, address: str) -> Entity:
    member = next(iter(ctx.list("member", _list=one.id, _key=address.lower(), limit=1)), None)
    if member is None:
        raise wrong(f"Member {address} of mailing list {one['address']} not found", 404)
    return member


def _json(given: str | None, kind: type) -> Any:
    if not given:
        return None
    found: Any = from_json(given, kind)
    if found is None:
        raise wrong("Invalid JSON: expected " + ("an object" if kind is dict else "an array"))
    return found


def _shown(one: Entity) -> dict[str, Any]:
    return {name: one[name] for name in ("address", "name", "subscribed", "vars")}
