"""Hooks of a repository: made, changed, tried."""

from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from .hook_records import begin, changed, configured, hook_of, of_repository, ping, shown, shown_config
from .pushes import push_again
from .subjects import api, repository


@operation("GET /repos/{owner}/{repo}/hooks")
def listed(ctx: Context, owner: str, repo: str) -> list[dict[str, Any]]:
    """The hooks of a repository."""
    place = _place(ctx, owner, repo)
    return [
        shown(hook, _home(place)) for hook in ctx.page(ctx.list("hook", newest_first=False, **of_repository(place)))
    ]


@operation("POST /repos/{owner}/{repo}/hooks")
def create(ctx: Context, owner: str, repo: str) -> Response:
    """A new one; it is pinged at once."""
    place = _place(ctx, owner, repo)
    hook = begin(ctx, of_repository(place), ctx.body)
    if hook["active"]:
        ping(ctx, hook, _home(place), repo=place)
    return Response(201, shown(hook, _home(place)))


@operation("GET /repos/{owner}/{repo}/hooks/{hook_id}")
def retrieve(ctx: Context, owner: str, repo: str, hook_id: str) -> dict[str, Any]:
    """One hook."""
    place, hook = _found(ctx, owner, repo, hook_id)
    return shown(hook, _home(place))


@operation("PATCH /repos/{owner}/{repo}/hooks/{hook_id}")
def update(ctx: Context, owner: str, repo: str, hook_id: str) -> dict[str, Any]:
    """Another address, other events, on or off."""
    place, hook = _found(ctx, owner, repo, hook_id)
    return shown(changed(ctx, hook, ctx.body), _home(place))


@operation("DELETE /repos/{owner}/{repo}/hooks/{hook_id}")
def delete(ctx: Context, owner: str, repo: str, hook_id: str) -> Response:
    """Nothing is sent there any more."""
    _, hook = _found(ctx, owner, repo, hook_id)
    ctx.delete(hook)
    return Response(204)


@operation("GET /repos/{owner}/{repo}/hooks/{hook_id}/config")
def config(ctx: Context, owner: str, repo: str, hook_id: str) -> dict[str, Any]:
    """Where it sends, and how."""
    return shown_config(_found(ctx, owner, repo, hook_id)[1])


@operation("PATCH /repos/{owner}/{repo}/hooks/{hook_id}/config")
def update_config(ctx: Context, owner: str, repo: str, hook_id: str) -> dict[str, Any]:
    """The same otherwise; what isn't named stays."""
    _, hook = _found(ctx, owner, repo, hook_id)
    return shown_config(ctx.update(hook, config=configured(ctx.body, hook["config"]), updated_at=ctx.now()))


@operation("POST /repos/{owner}/{repo}/hooks/{hook_id}/pings")
def pinged(ctx: Context, owner: str, repo: str, hook_id: str) -> Response:
    """Ping it again."""
    place, hook = _found(ctx, owner, repo, hook_id)
    ping(ctx, hook, _home(place), repo=place)
    return Response(204)


@operation("POST /repos/{owner}/{repo}/hooks/{hook_id}/tests")
def tested(ctx: Context, owner: str, repo: str, hook_id: str) -> Response:
    """Tell it of the latest push once more, if it wants to hear of pushes."""
    place, hook = _found(ctx, owner, repo, hook_id)
    if {"push", "*"} & set(hook["events"]):
        push_again(ctx, place, hook)
    return Response(204)


def _place(ctx: Context, owner: str, repo: str) -> Entity:
    return repository(ctx, owner, repo, needs="admin")


def _found(ctx: Context, owner: str, repo: str, hook_id: str) -> tuple[Entity, Entity]:
    place = _place(ctx, owner, repo)
    return place, hook_of(ctx, of_repository(place), hook_id)


def _home(repo: Entity) -> str:
    return f"{api(repo)}/hooks"
