"""Reactions: an emoji under a message, and who put it there."""

import re
from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import channels, posting
from .callers import Caller, caller, no

_NAME = re.compile(r"[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?")
MOST_EMOJI, MOST_OF_ONE = 23, 23  # different ones at a message, and by one user


@operation("POST /reactions.add")
def add(ctx: Context) -> dict[str, Any]:
    """React to a message."""
    me = caller(ctx)
    channel, message = _message(ctx, me)
    if channel["is_archived"]:
        raise no("is_archived")
    name = _name(ctx)
    known = message.get("reactions") or []
    mine = next((one for one in known if one["name"] == name), None)
    if mine is not None and me.user in mine["users"]:
        raise no("already_reacted")
    if mine is None and len(known) >= MOST_EMOJI:
        raise no("too_many_emoji")
    if sum(me.user in one["users"] for one in known) >= MOST_OF_ONE:
        raise no("too_many_reactions")
    if mine is None:
        known = [*known, {"name": name, "users": [me.user], "count": 1}]
    else:
        known = [_with(one, [*one["users"], me.user]) if one is mine else one for one in known]
    ctx.update(message, reactions=known)
    _told(ctx, me, "reaction_added", name, message)
    ctx.emit("reacted", {"to": channels.title(ctx, channel), "channel": channel.id, "name": name})
    return {}


@operation("POST /reactions.remove")
def remove(ctx: Context) -> dict[str, Any]:
    """Take a reaction back."""
    me = caller(ctx)
    _, message = _message(ctx, me)
    name = _name(ctx)
    known = message.get("reactions") or []
    mine = next((one for one in known if one["name"] == name and me.user in one["users"]), None)
    if mine is None:
        raise no("no_reaction")
    left = [_with(one, [user for user in one["users"] if user != me.user]) if one is mine else one for one in known]
    ctx.update(message, reactions=[one for one in left if one["users"]])
    _told(ctx, me, "reaction_removed", name, message)
    return {}


@operation("POST /reactions.get")
def get(ctx: Context) -> dict[str, Any]:
    """A message with its reactions."""
    me = caller(ctx)
    channel, message = _message(ctx, me)
    return {"type": "message", "channel": channel.id, "message": posting.shown(message)}


@operation("POST /reactions.list")
def list_reactions(ctx: Context) -> dict[str, Any]:
    """The messages that a user reacted to, the newest first."""
    me = caller(ctx)
    user = channels.known_user(ctx, ctx.body["user"]).id if ctx.body.get("user") else me.user
    seen = {channel.id for channel in ctx.list("channel") if channels.visible(channel, me)}
    known = [
        message for message in ctx.list("message")
        if message["_channel"] in seen and any(user in one["users"] for one in message.get("reactions") or ())
    ]  # fmt: skip
    page: dict[str, Any] = ctx.page([{"id": message["ts"], "message": message} for message in known])
    page["items"] = [
        {"type": "message", "channel": one["message"]["_channel"], "message": posting.shown(one["message"])}
        for one in page["items"]
    ]
    return page


def _message(ctx: Context, me: Caller) -> tuple[Entity, Entity]:
    if not ctx.body.get("channel") or not ctx.body.get("timestamp"):
        raise no("no_item_specified")
    channel = channels.found(ctx, me, ctx.body["channel"])
    return channel, posting.found(ctx, channel, ctx.body["timestamp"])


def _name(ctx: Context) -> str:
    name = str(ctx.body["name"]).strip(":")
    if not _NAME.fullmatch(name):
        raise no("invalid_name")
    return name


def _with(reaction: dict[str, Any], users: list[str]) -> dict[str, Any]:
    return {"name": reaction["name"], "users": users, "count": len(users)}


def _told(ctx: Context, me: Caller, kind: str, name: str, message: Entity) -> None:
    item = {"type": "message", "channel": message["_channel"], "ts": message["ts"]}
    event = {"type": kind, "user": me.user, "reaction": name, "item_user": message["user"], "item": item}
    ctx.emit(kind, {**event, "event_ts": posting.stamp(ctx)})
