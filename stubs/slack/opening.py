"""Direct messages: opened and closed; and what has been read of any conversation."""

import re
from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import channels
from .callers import Caller, caller, no

MOST = 8  # others in a group message


@operation("POST /conversations.open")
def open_conversation(ctx: Context) -> dict[str, Any]:
    """Open the direct message with somebody, or with several at once; or one that there is already, by its id."""
    me = caller(ctx)
    channel = _wanted(ctx, me)
    already = me.user in channel["_open"]
    if not already:
        channel = ctx.update(channel, _open=[*channel["_open"], me.user])
        ctx.emit("im_open", {"type": "im_open", "user": me.user, "channel": channel.id})
    shown = channels.shown(channel, me)
    if not ctx.body.get("return_im"):
        brief = {name: channel[name] for name in ("id", "created", "is_im", "is_org_shared", "is_archived")}
        shown = brief if channel.get("is_im") else shown
    return {"channel": shown, **({"no_op": True, "already_open": True} if already else {})}


def _wanted(ctx: Context, me: Caller) -> Entity:
    """The direct or group message that is asked for, by its id or by who is in it."""
    asked = ctx.body.get("users")
    if ctx.body.get("channel"):
        if asked:
            raise no("invalid_user_combination")
        channel = channels.found(ctx, me, ctx.body["channel"])
        if not channels.is_direct(channel):
            raise no("method_not_supported_for_channel_type")
        return channel
    if not asked:
        raise no("users_list_not_supplied")
    users = [user for user in channels.users_in(asked) if user != me.user]
    if not users:
        raise no("not_enough_users")
    if len(users) > MOST:
        raise no("too_many_users")
    refusal = channels.unknown(ctx, users)
    if refusal is not None:
        raise refusal
    known = channels.standing(ctx, me, users)
    if known is None and ctx.body.get("prevent_creation"):
        raise no("channel_not_found")
    return known or channels.direct(ctx, me, users)


@operation("POST /conversations.close")
def close(ctx: Context) -> dict[str, Any]:
    """Take a direct message out of one's list."""
    me = caller(ctx)
    channel = channels.found(ctx, me, ctx.body["channel"])
    if not channels.is_direct(channel):
        raise no("method_not_supported_for_channel_type")
    if me.user not in channel["_open"]:
        return {"no_op": True, "already_closed": True}
    ctx.update(channel, _open=[user for user in channel["_open"] if user != me.user])
    ctx.emit("im_close", {"type": "im_close", "user": me.user, "channel": channel.id})
    return {}


@operation("POST /conversations.mark")
def mark(ctx: Context) -> dict[str, Any]:
    """Set what has been read."""
    me = caller(ctx)
    channel = channels.inside(ctx, me, ctx.body["channel"])
    ts = str(ctx.body["ts"])
    if not re.fullmatch(r"[0-9]{10}(\.[0-9]{6})?", ts):
        raise no("invalid_timestamp")
    ctx.update(channel, _read={**channel["_read"], me.user: ts})
    return {}
