"""Messages for later: delivered when the world's clock has come so far."""

from typing import Any

from childproof.stubkit import Context, job, operation

from . import channels, posting
from .callers import Caller, caller, no

FURTHEST = 120 * 86_400  # seconds
BEFORE = 60  # seconds before its time, a message can't be taken back any more
WINDOW, MOST = 300, 30  # so many messages to a channel in so many seconds


@operation("POST /chat.scheduleMessage")
def schedule_message(ctx: Context) -> dict[str, Any]:
    """Have a message posted at a time, at most 120 days from now."""
    me = caller(ctx)
    channel = channels.addressed(ctx, me, ctx.body["channel"])
    at = _time(ctx.body["post_at"])
    now = ctx.now_ms() // 1000
    if at <= now:
        raise no("time_in_past")
    if at > now + FURTHEST:
        raise no("time_too_far")
    said = posting.content(ctx, ctx.body)
    thread = ctx.body.get("thread_ts")
    if thread:
        said["_thread"] = posting.root_of(ctx, channel, thread)["ts"]
    near = [one for one in ctx.list("scheduled", channel_id=channel.id) if abs(one["post_at"] - at) < WINDOW]
    if len(near) >= MOST:
        raise no("restricted_too_many")
    author = posting.author(ctx, me, ctx.body)
    made = ctx.create(
        "scheduled", channel_id=channel.id, post_at=at, date_created=now, text=said["text"],
        _said={**author, **{name: value for name, value in said.items() if name != "_thread"}}, _thread=said.get("_thread"),
        _broadcast=bool(ctx.body.get("reply_broadcast")), _by=me.user,
    )  # fmt: skip
    ctx.schedule(at * 1000 - ctx.now_ms(), "deliver", {"id": made.id, "human": me.human})
    ctx.emit("scheduled", {"to": channels.title(ctx, channel), "channel": channel.id, "id": made.id, "post_at": at})
    shown = {
        name: value for name, value in {**author, **said}.items() if not name.startswith("_") and name != "subtype"
    }
    return {
        "channel": channel.id, "scheduled_message_id": made.id, "post_at": at,
        "message": {**shown, "type": "delayed_message", "subtype": "bot_message"} if not me.human else {**shown, "type": "delayed_message"},
    }  # fmt: skip


@job("deliver")
def deliver(ctx: Context, payload: dict[str, Any]) -> None:
    """Post a message whose time has come, unless it was taken back, or its channel is no more."""
    made = ctx.find("scheduled", payload["id"])
    if made is None:
        return
    ctx.delete(made)
    channel = ctx.find("channel", made["channel_id"])
    if channel is None or channel.get("is_archived") or made["_by"] not in channel["_members"]:
        return
    thread = made.get("_thread")
    if thread and ctx.find("message", thread) is None:
        return
    here = ctx.get("installation", "here")
    me = Caller(made["_by"], here["team"], here["bot"], here["app"], payload["human"])
    posting.post(ctx, me, channel, made["_said"], thread=thread, broadcast=made["_broadcast"])


@operation("POST /chat.deleteScheduledMessage")
def delete_scheduled_message(ctx: Context) -> dict[str, Any]:
    """Take back a message that isn't posted yet."""
    me = caller(ctx)
    channel = channels.found(ctx, me, ctx.body["channel"])
    made = ctx.find("scheduled", ctx.body["scheduled_message_id"])
    if (
        made is None
        or made["channel_id"] != channel.id
        or made["_by"] != me.user
        or made["post_at"] - ctx.now_ms() // 1000 < BEFORE
    ):
        raise no("invalid_scheduled_message_id")
    ctx.delete(made)
    ctx.emit("unscheduled", {"to": channels.title(ctx, channel), "channel": channel.id, "id": made.id})
    return {}


@operation("POST /chat.scheduledMessages.list")
def list_scheduled(ctx: Context) -> dict[str, Any]:
    """One's own messages that aren't posted yet, the next first."""
    me = caller(ctx)
    where: dict[str, Any] = (
        {"channel_id": channels.found(ctx, me, ctx.body["channel"]).id} if ctx.body.get("channel") else {}
    )
    oldest, latest = _bound(ctx, "oldest", 0), _bound(ctx, "latest", 1 << 62)
    if oldest > latest:
        raise no("invalid_time")
    known = [one for one in ctx.list("scheduled", _by=me.user, **where) if oldest <= one["post_at"] <= latest]
    page: dict[str, Any] = ctx.page(sorted(known, key=lambda one: (one["post_at"], one["id"])))
    page["scheduled_messages"] = [
        {name: value for name, value in one.items() if not name.startswith("_")} for one in page["scheduled_messages"]
    ]
    return page


def _bound(ctx: Context, name: str, default: int) -> int:
    given = ctx.body.get(name)
    return default if given is None or given == "" else _time(given)


def _time(given: Any) -> int:
    try:
        return int(float(given))
    except (TypeError, ValueError):
        raise no("invalid_time") from None
