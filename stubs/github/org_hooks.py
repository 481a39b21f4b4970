"""Hooks of an organization, for the events of all its repositories."""

from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from .accounts import existing, needed
from .hook_records import begin, changed, configured, home_of, hook_of, of_organization, ping, shown, shown_config
from .wording import not_found


@operation("GET /orgs/{org}/hooks")
def listed(ctx: Context, org: str) -> list[dict[str, Any]]:
    """The hooks of an organization."""
    place = owned(ctx, org)
    found = ctx.list("hook", newest_first=False, **of_organization(place))
    return [shown(hook, home_of(place)) for hook in ctx.page(found)]


@operation("POST /orgs/{org}/hooks")
def create(ctx: Context, org: str) -> Response:
    """A new one; it is pinged at once."""
    place = owned(ctx, org)
    hook = begin(ctx, of_organization(place), ctx.body)
    if hook["active"]:
        ping(ctx, hook, home_of(place), org=place)
    return Response(201, shown(hook, home_of(place)))


@operation("GET /orgs/{org}/hooks/{hook_id}")
def retrieve(ctx: Context, org: str, hook_id: str) -> dict[str, Any]:
    """One hook."""
    place, hook = _found(ctx, org, hook_id)
    return shown(hook, home_of(place))


@operation("PATCH /orgs/{org}/hooks/{hook_id}")
def update(ctx: Context, org: str, hook_id: str) -> dict[str, Any]:
    """Another address, other events, on or off."""
    place, hook = _found(ctx, org, hook_id)
    return shown(changed(ctx, hook, ctx.body), home_of(place))


@operation("DELETE /orgs/{org}/hooks/{hook_id}")
def delete(ctx: Context, org: str, hook_id: str) -> Response:
    """Nothing is sent there any more."""
    _, hook = _found(ctx, org, hook_id)
    ctx.delete(hook)
    return Response(204)


@operation("GET /orgs/{org}/hooks/{hook_id}/config")
def config(ctx: Context, org: str, hook_id: str) -> dict[str, Any]:
    """Where it sends, and how."""
    return shown_config(_found(ctx, org, hook_id)[1])


@operation("PATCH /orgs/{org}/hooks/{hook_id}/config")
def update_config(ctx: Context, org: str, hook_id: str) -> dict[str, Any]:
    """The same otherwise; what isn't named stays."""
    _, hook = _found(ctx, org, hook_id)
    return shown_config(ctx.update(hook, config=configured(ctx.body, hook["config"]), updated_at=ctx.now()))


@operation("POST /orgs/{org}/hooks/{hook_id}/pings")
def pinged(ctx: Context, org: str, hook_id: str) -> Response:
    """Ping it again."""
    place, hook = _found(ctx, org, hook_id)
    ping(ctx, hook, home_of(place), org=place)
    return Response(204)


def owned(ctx: Context, org: str) -> Entity:
    """An organization, for one of its owners; for all others it has no hooks."""
    place = existing(ctx, org, "Organization")
    member = ctx.find("membership", f"{place['login'].lower()}/{needed(ctx)['login'].lower()}")
    if member is None or member["role"] != "admin":
        raise not_found()
    return place


def _found(ctx: Context, org: str, hook_id: str) -> tuple[Entity, Entity]:
    place = owned(ctx, org)
    return place, hook_of(ctx, of_organization(place), hook_id)
