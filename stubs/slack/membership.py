"""Who is in a channel: joining, leaving, inviting, removing."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import channels, posting
from .callers import Caller, caller, no

MOST_INVITED = 1000


@operation("POST /conversations.members")
def members(ctx: Context) -> dict[str, Any]:
    """The ids of those who are in a conversation."""
    me = caller(ctx)
    channel = channels.found(ctx, me, ctx.body["channel"])
    page: dict[str, Any] = ctx.page([{"id": user} for user in channel["_members"]])
    page["members"] = [one["id"] for one in page["members"]]
    return page


@operation("POST /conversations.join")
def join(ctx: Context) -> dict[str, Any]:
    """Come into a public channel."""
    me = caller(ctx)
    channel = channels.found(ctx, me, ctx.body["channel"])
    if channel.get("is_private") or channels.is_direct(channel):
        raise no("method_not_supported_for_channel_type")
    if channel["is_archived"]:
        raise no("is_archived")
    if me.user in channel["_members"]:
        warned = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
        return {"channel": channels.shown(channel, me), **warned}
    joined = _added(ctx, me, channel, me.user)
    return {"channel": channels.shown(joined, me)}


@operation("POST /conversations.leave")
def leave(ctx: Context) -> dict[str, Any]:
    """Go out of a channel."""
    me = caller(ctx)
    channel = _in_use(ctx, me)
    if channel["is_general"]:
        raise no("cant_leave_general")
    if me.user not in channel["_members"]:
        return {"not_in_channel": True}
    if channel["is_private"] and channel["_members"] == [me.user]:
        raise no("last_member")
    posting.note(ctx, me, channel, "channel_leave", f"<@{me.user}> has left the channel")
    _removed(ctx, me, channel, me.user)
    return {}


@operation("POST /conversations.invite")
def invite(ctx: Context) -> dict[str, Any]:
    """Bring users into a channel: all of them, or none, unless `force` takes those who can be."""
    me = caller(ctx)
    channel = _in_use(ctx, me)
    if me.user not in channel["_members"]:
        raise no("not_in_channel")
    users = channels.users_in(ctx.body["users"])
    if not users:
        raise no("no_user")
    if len(users) > MOST_INVITED:
        raise no("too_many_users")
    wrong = [{"user": user, "ok": False, "error": why} for user in users if (why := _why_not(ctx, me, channel, user))]
    if wrong and not (ctx.body.get("force") and len(wrong) < len(users)):
        raise no(str(wrong[0]["error"]), errors=wrong)
    kept = {one["user"] for one in wrong}
    for user in users:
        if user not in kept:
            channel = _added(ctx, me, channel, user, inviter=me.user)
    return {"channel": channels.shown(channel, me), **({"errors": wrong} if wrong else {})}


def _why_not(ctx: Context, me: Caller, channel: Entity, user: str) -> str:
    known = ctx.find("user", user)
    if known is None or known["deleted"]:
        return "user_not_found"
    if user == me.user:
        return "cant_invite_self"
    return "already_in_channel" if user in channel["_members"] else ""


@operation("POST /conversations.kick")
def kick(ctx: Context) -> dict[str, Any]:
    """Send a user out of a channel."""
    me = caller(ctx)
    channel = _in_use(ctx, me)
    if me.user not in channel["_members"]:
        raise no("not_in_channel")
    if channel["is_general"]:
        raise no("cant_kick_from_general")
    user = channels.known_user(ctx, ctx.body["user"]).id
    if user == me.user:
        raise no("cant_kick_self")
    if user not in channel["_members"]:
        raise no("not_in_channel")
    _removed(ctx, me, channel, user)
    return {}


def _in_use(ctx: Context, me: Caller) -> Entity:
    """The channel that a call is about: no direct message, and not archived."""
    channel = channels.found(ctx, me, ctx.body["channel"])
    channels.only_channels(channel)
    if channel["is_archived"]:
        raise no("is_archived")
    return channel


def _added(ctx: Context, me: Caller, channel: Entity, user: str, **more: Any) -> Entity:
    changed = ctx.update(channel, _members=[*channel["_members"], user], updated=ctx.now() * 1000)
    text = f"<@{user}> has joined the channel"
    posting.note(ctx, me, changed, "channel_join", text, user=user, **more)
    _told(ctx, me, changed, "member_joined_channel", user, **more)
    return changed


def _removed(ctx: Context, me: Caller, channel: Entity, user: str) -> None:
    changed = ctx.update(
        channel, _members=[one for one in channel["_members"] if one != user], updated=ctx.now() * 1000
    )
    _told(ctx, me, changed, "member_left_channel", user)


def _told(ctx: Context, me: Caller, channel: Entity, kind: str, user: str, **more: Any) -> None:
    letter = "G" if channel.get("is_private") else "C"
    event = {"type": kind, "user": user, "channel": channel.id, "channel_type": letter, "team": me.team, **more}
    ctx.emit(kind, {**event, "event_ts": posting.stamp(ctx)})
