"""Users: who is in the workspace, found by id and by mail address, and whether they are there."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import channels
from .callers import caller, human, no


@operation("POST /users.list")
def list_users(ctx: Context) -> dict[str, Any]:
    """Everybody in the workspace, bots too."""
    caller(ctx)
    page = ctx.page(ctx.list("user", newest_first=False))
    page["members"] = [shown(ctx, user) for user in page["members"]]
    return {**page, "cache_ts": ctx.now()}


@operation("POST /users.info")
def info(ctx: Context) -> dict[str, Any]:
    """One user."""
    caller(ctx)
    return {"user": shown(ctx, channels.known_user(ctx, ctx.body["user"]))}


@operation("POST /users.lookupByEmail")
def lookup_by_email(ctx: Context) -> dict[str, Any]:
    """The user with a mail address."""
    caller(ctx)
    email = str(ctx.body["email"]).strip().lower()
    known = ctx.list("user", _email=email, limit=1) if email else []
    if not known or known[0]["deleted"]:
        raise no("users_not_found")
    return {"user": shown(ctx, known[0])}


def shown(ctx: Context, user: Entity) -> dict[str, Any]:
    """A user as everybody sees them."""
    out = {name: value for name, value in user.items() if not name.startswith("_")}
    if ctx.body.get("include_locale"):
        out["locale"] = "en-US"
    return out


@operation("POST /users.getPresence")
def get_presence(ctx: Context) -> dict[str, Any]:
    """Whether a user is there. Of oneself more is told."""
    me = caller(ctx)
    user = channels.known_user(ctx, ctx.body.get("user") or me.user)
    presence = user["_presence"]
    if user.id != me.user:
        return {"presence": presence}
    there = presence == "active"
    more = {"online": there, "auto_away": False, "manual_away": not there, "connection_count": int(there)}
    return {"presence": presence, **more, "last_activity": ctx.now()}


@operation("POST /users.setPresence")
def set_presence(ctx: Context) -> dict[str, Any]:
    """Say that one is away, or leave it to Slack (`auto`)."""
    me = caller(ctx)
    wanted = ctx.body["presence"]
    if wanted not in {"auto", "away"}:
        raise no("invalid_presence")
    ctx.update(ctx.get("user", me.user), _presence="active" if wanted == "auto" else "away")
    return {}


@operation("POST /users.identity")
def identity(ctx: Context) -> dict[str, Any]:
    """Who the user is whose token this is."""
    me = human(ctx)
    user, team = ctx.get("user", me.user), ctx.get("team", me.team)
    pictures = {name: value for name, value in user["profile"].items() if name.startswith("image_")}
    return {
        "user": {"id": user.id, "name": user["real_name"], "email": user["profile"].get("email", ""), **pictures},
        "team": {"id": team.id, "name": team["name"], "domain": team["domain"]},
    }
