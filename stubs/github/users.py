"""Users: the caller, others, their mail addresses."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from .accounts import by_id, existing, needed, simple
from .naming import node_id
from .wording import not_found

_PROFILE = ("name", "company", "blog", "location", "email", "hireable", "bio", "twitter_username")
_PLAN = {"collaborators": 0, "name": "free", "space": 976562499, "private_repos": 10000}
_FEW = frozenset({"name", "email", "blog", "twitter_username", "location", "company", "hireable", "bio"})


def profile(ctx: Context, found: Entity) -> dict[str, Any]:
    """An account as everybody sees it: the document's `public-user`."""
    own = ctx.list("repository", _owner=found.id)
    followers = ctx.list("follow", whom=found.id)
    return {
        **(simple(found) or {}),
        "node_id": node_id("U" if found["type"] == "User" else "O", found["id"]),
        **{name: found[name] for name in _PROFILE},
        "public_repos": sum(1 for one in own if not one["private"]),
        "public_gists": 0,
        "followers": len(followers),
        "following": len(ctx.list("follow", who=found.id)),
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
    }


def own_profile(ctx: Context, found: Entity) -> dict[str, Any]:
    """An account as its owner sees it: the document's `private-user`."""
    own = ctx.list("repository", _owner=found.id)
    private = sum(1 for one in own if one["private"])
    return {
        **profile(ctx, found), "user_view_type": "private", "notification_email": found["email"], "private_gists": 0,
        "total_private_repos": private, "owned_private_repos": private, "disk_usage": sum(one["size"] for one in own),
        "collaborators": 0, "two_factor_authentication": True, "plan": _PLAN,
    }  # fmt: skip


@operation("GET /user")
def me(ctx: Context) -> dict[str, Any]:
    """Whose token it is."""
    return own_profile(ctx, needed(ctx))


@operation("PATCH /user")
def change_me(ctx: Context) -> dict[str, Any]:
    """The caller's profile."""
    changes = {name: ctx.body[name] for name in _FEW if name in ctx.body}
    return own_profile(ctx, ctx.update(needed(ctx), **changes, updated_at=ctx.now()))


@operation("GET /users/{username}")
def get_user(ctx: Context, username: str) -> dict[str, Any]:
    """Anybody, organizations too."""
    return profile(ctx, existing(ctx, username))


@operation("GET /user/{account_id}")
def get_numbered(ctx: Context, account_id: str) -> dict[str, Any]:
    """Anybody, by the number of the account."""
    found = by_id(ctx, int(account_id)) if account_id.isdigit() else None
    if found is None:
        raise not_found()
    return profile(ctx, found)


@operation("GET /users")
def list_users(ctx: Context) -> Any:
    """Users in the order of their numbers, after `since`."""
    since, most = ctx.query.get("since", 0), min(max(ctx.query.get("per_page", 30), 1), 100)
    found = [one for one in ctx.list("account", newest_first=False) if one["type"] == "User" and one["id"] > since]
    return [simple(one) for one in found[:most]]


@operation("GET /users/{username}/hovercard")
def hovercard(ctx: Context, username: str) -> dict[str, Any]:
    """What a pointer over a name tells."""
    existing(ctx, username)
    return {"contexts": []}


@operation("GET /user/emails")
def emails(ctx: Context) -> Any:
    """The caller's mail addresses."""
    return [_address(needed(ctx))]


@operation("GET /user/public_emails")
def public_emails(ctx: Context) -> Any:
    """Those of them that everybody sees."""
    return [_address(needed(ctx))]


def _address(found: Entity) -> dict[str, Any]:
    return {"email": found["email"], "primary": True, "verified": True, "visibility": "public"}
