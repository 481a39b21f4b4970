"""Routes: what would be done with mail that comes in; which one an address meets."""

import re
from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import common
from .common import wrong

_EXPRESSION = re.compile(r"\s*(?:match_recipient|match_header)\(.+\)\s*|\s*catch_all\(\)\s*", re.DOTALL)
_ACTION = re.compile(r"\s*(?:forward\(.+\)|store\(.*\)|stop\(\))\s*", re.DOTALL)
_RECIPIENT = re.compile(r"match_recipient\(\s*(?P<quote>[\"'])(?P<pattern>.*)(?P=quote)\s*\)")
_PLAIN = re.compile(r"[A-Za-z0-9@.*+_-]*")


@operation("GET /v3/routes")
def listed(ctx: Context) -> dict[str, Any]:
    """All, the first first."""
    page = common.counted(ctx, _ordered(ctx))
    return {**page, "items": [_shown(one) for one in page["items"]]}


@operation("POST /v3/routes")
def create(ctx: Context) -> dict[str, Any]:
    """A new one."""
    fields = _checked(ctx)
    made = ctx.create("route", **{"priority": 0, "description": "", **fields}, created_at=common.written(ctx.now_ms()))
    return {"message": "Route has been created", "route": _shown(made)}


@operation("GET /v3/routes/match")
def match(ctx: Context) -> dict[str, Any]:
    """The first that takes mail for an address."""
    address = str(ctx.query.get("address") or "")
    for one in _ordered(ctx):
        if _takes(one["expression"], address):
            return {"route": _shown(one)}
    raise wrong("Route not found", 404)


@operation("GET /v3/routes/{id}")
def retrieve(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - the document's name
    """One of them."""
    return {"route": _shown(ctx.get("route", id))}


@operation("PUT /v3/routes/{id}")
def update(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Change one."""
    changed = ctx.update(ctx.get("route", id), **_checked(ctx))
    return {"message": "Route has been updated", **_shown(changed)}


@operation("DELETE /v3/routes/{id}")
def delete(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Delete one."""
    ctx.delete(ctx.get("route", id))
    return {"message": "Route has been deleted", "id": id}


def _checked(ctx: Context) -> dict[str, Any]:
    body = ctx.body
    fields: dict[str, Any] = {name: body[name] for name in ("priority", "description", "expression") if name in body}
    if "expression" in fields and (
        len(fields["expression"]) > common.LONGEST or not _EXPRESSION.fullmatch(fields["expression"])
    ):
        raise wrong("Invalid expression: expected match_recipient(), match_header() or catch_all()")
    actions = common.several(ctx, "action")
    for one in actions:
        if not _ACTION.fullmatch(one):
            raise wrong(f"Invalid action: {one}")
    return {**fields, **({"actions": actions} if actions else {})}


def _ordered(ctx: Context) -> list[Entity]:
    return sorted(ctx.list("route", newest_first=False), key=lambda one: int(one["priority"]))


def _takes(expression: str, address: str) -> bool:
    """Whether an expression means an address. Of patterns, those with nothing but `.*` in them are understood."""
    if "catch_all()" in expression:
        return True
    fit = _RECIPIENT.search(expression)
    if fit is None or not _PLAIN.fullmatch(fit["pattern"]):
        return False
    first, *others = fit["pattern"].lower().replace("\\", "").split(".*")
    rest = address.lower()
    if not others:
        return rest == first
    *middle, last = others
    if not rest.startswith(first) or not rest.endswith(last) or len(rest) < len(first) + len(last):
        return False
    rest = rest[len(first) : len(rest) - len(last)]
    for part in middle:
        at = rest.find(part)
        if at < 0:
            return False
        rest = rest[at + len(part) :]
    return True


def _shown(one: Entity) -> dict[str, Any]:
    return {name: one[name] for name in ("id", "priority", "description", "expression", "actions", "created_at")}
