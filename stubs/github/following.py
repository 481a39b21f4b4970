"""Who follows whom: https://docs.github.com/rest/users/followers."""

from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from .accounts import account, existing, needed, simple
from .paging import shown_page
from .wording import not_found


@operation("PUT /user/following/{username}")
def follow(ctx: Context, username: str) -> Response:
    """Follow somebody; oneself isn't there to be followed."""
    caller, whom = needed(ctx), existing(ctx, username)
    if whom.id == caller.id:
        raise not_found()
    if ctx.find("follow", f"{caller.id}/{whom.id}") is None:
        ctx.create("follow", f"{caller.id}/{whom.id}", who=caller.id, whom=whom.id)
    return Response(204)


@operation("DELETE /user/following/{username}")
def unfollow(ctx: Context, username: str) -> Response:
    """Follow somebody no more."""
    held = ctx.find("follow", f"{needed(ctx).id}/{existing(ctx, username).id}")
    if held is not None:
        ctx.delete(held)
    return Response(204)


@operation("GET /user/following/{username}")
def do_i_follow(ctx: Context, username: str) -> Response:
    """204 for somebody whom the caller follows."""
    return _whether(ctx, needed(ctx), username)


@operation("GET /users/{username}/following/{target_user}")
def does_follow(ctx: Context, username: str, target_user: str) -> Response:
    """204 where somebody follows somebody."""
    return _whether(ctx, existing(ctx, username), target_user)


@operation("GET /user/followers")
def my_followers(ctx: Context) -> Any:
    """Who follows the caller."""
    return _shown(ctx, "who", whom=needed(ctx).id)


@operation("GET /user/following")
def my_following(ctx: Context) -> Any:
    """Whom the caller follows."""
    return _shown(ctx, "whom", who=needed(ctx).id)


@operation("GET /users/{username}/followers")
def followers(ctx: Context, username: str) -> Any:
    """Who follows somebody."""
    return _shown(ctx, "who", whom=existing(ctx, username).id)


@operation("GET /users/{username}/following")
def following(ctx: Context, username: str) -> Any:
    """Whom somebody follows."""
    return _shown(ctx, "whom", who=existing(ctx, username).id)


def _whether(ctx: Context, who: Entity, target: str) -> Response:
    if ctx.find("follow", f"{who.id}/{target.lower()}") is None:
        raise not_found()
    return Response(204)


def _shown(ctx: Context, side: str, **where: Any) -> Any:
    return shown_page(ctx, ctx.list("follow", newest_first=False, **where), lambda one: simple(account(ctx, one[side])))
