"""Pins: messages that a channel keeps at hand."""

from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import channels, posting
from .callers import Caller, caller, no

MOST = 100


@operation("POST /pins.add")
def add(ctx: Context) -> dict[str, Any]:
    """Pin a message to its channel."""
    me = caller(ctx)
    channel, message = _message(ctx, me)
    if channel["is_archived"]:
        raise no("is_archived")
    known = ctx.list("pin", _channel=channel.id)
    if any(pin["_message"] == message["ts"] for pin in known):
        raise no("already_pinned")
    if len(known) >= MOST:
        raise no("too_many_pins")
    ctx.create("pin", _channel=channel.id, _message=message["ts"], created=ctx.now(), created_by=me.user)
    about = {"channel": channel.id, "pinned_by": me.user, "pinned_ts": ctx.now()}
    pinned = ctx.update(message, pinned_to=[channel.id], pinned_info=about)
    _told(ctx, me, "pin_added", pinned)
    return {}


@operation("POST /pins.remove")
def remove(ctx: Context) -> dict[str, Any]:
    """Take a pin away."""
    me = caller(ctx)
    channel, message = _message(ctx, me)
    pin = next((pin for pin in ctx.list("pin", _channel=channel.id) if pin["_message"] == message["ts"]), None)
    if pin is None:
        raise no("no_pin")
    ctx.delete(pin)
    _told(ctx, me, "pin_removed", ctx.update(message, pinned_to=None, pinned_info=None))
    return {}


@operation("POST /pins.list")
def list_pins(ctx: Context) -> dict[str, Any]:
    """What is pinned to a channel, the newest pin first."""
    me = caller(ctx)
    channel = channels.inside(ctx, me, ctx.body["channel"])
    return {"items": [_shown(ctx, channel, pin) for pin in ctx.list("pin", _channel=channel.id)]}


def _shown(ctx: Context, channel: Entity, pin: Entity) -> dict[str, Any]:
    message = ctx.get("message", pin["_message"])
    return {
        "type": "message", "created": pin["created"], "created_by": pin["created_by"], "channel": channel.id,
        "message": posting.shown(message),
    }  # fmt: skip


def _message(ctx: Context, me: Caller) -> tuple[Entity, Entity]:
    channel = channels.inside(ctx, me, ctx.body["channel"])
    if not ctx.body.get("timestamp"):
        raise no("no_item_specified")
    return channel, posting.found(ctx, channel, ctx.body["timestamp"])


def _told(ctx: Context, me: Caller, kind: str, message: Entity) -> None:
    item = {
        "type": "message",
        "channel": message["_channel"],
        "message": posting.shown(message),
        "created": ctx.now(),
        "created_by": me.user,
    }
    ctx.emit(
        kind,
        {
            "type": kind,
            "user": me.user,
            "channel_id": message["_channel"],
            "item": item,
            "event_ts": posting.stamp(ctx),
        },
    )
