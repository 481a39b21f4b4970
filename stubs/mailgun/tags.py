"""Tags, as messages have brought them."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import common
from .common import wrong


@operation("GET /v3/{domain_name}/tags")
def listed(ctx: Context, domain_name: str) -> dict[str, Any]:
    """All of a domain."""
    prefix = str(ctx.query.get("prefix") or "")
    known = ctx.list("tag", _domain=common.domain(ctx, domain_name).id)
    found, paging = common.paged(
        ctx, [one for one in known if one["tag"].startswith(prefix)], lambda one: str(one["tag"]), parameter="tag"
    )
    return {"items": [_shown(one) for one in found], "paging": paging}


@operation("GET /v3/{domain_name}/tags/{tag}")
def retrieve(ctx: Context, domain_name: str, tag: str) -> dict[str, Any]:
    """One of them."""
    return _shown(_found(ctx, domain_name, tag))


@operation("PUT /v3/{domain_name}/tags/{tag}")
def update(ctx: Context, domain_name: str, tag: str) -> dict[str, Any]:
    """Describe one."""
    ctx.update(_found(ctx, domain_name, tag), description=ctx.body.get("description", ""))
    return {"message": "Tag updated"}


@operation("DELETE /v3/{domain_name}/tags/{tag}")
def delete(ctx: Context, domain_name: str, tag: str) -> dict[str, Any]:
    """Forget one."""
    ctx.delete(_found(ctx, domain_name, tag))
    return {"message": "Tag deleted"}


def _found(ctx: Context, domain_name: str, tag: str) -> Entity:
    domain = common.domain(ctx, domain_name)
    found = next(iter(ctx.list("tag", _domain=domain.id, tag=tag, limit=1)), None)
    if found is None:
        raise wrong("tag not found", 404)
    return found


def _shown(found: Entity) -> dict[str, Any]:
    return {name: found[name] for name in ("tag", "description", "first-seen", "last-seen")}
