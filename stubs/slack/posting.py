"""Messages: how one comes to be, whatever posts it, and what becomes of its thread.

A message's `ts` is its id: the second it was posted in, and a number that no other message of the world has. Replies keep
the `ts` of what they reply to; those that are shown in the channel as well (`_shown`) are in its history.
"""

import re
from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity

from .blocks import checked_attachments, checked_blocks
from .callers import Caller, no
from .channels import kind_of, title

LONGEST = 40_000  # characters of a message's text
LONGEST_MARKDOWN = 12_000
WITHOUT_TEXT = "This content can't be displayed."
_TS = re.compile(r"[0-9]{10}\.[0-9]{6}")
_TOKEN = re.compile(r"<(?:[@#!]|https?:|mailto:|tel:|slack:)[^<>]*>|&(?:amp|lt|gt);")
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")


def stamp(ctx: Context) -> str:
    """A new `ts`."""
    return f"{ctx.now_ms() // 1000}.{int(ctx.new_id('stamp')) % 1_000_000:06d}"


def content(ctx: Context, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a message says: `text`, and `blocks`, `attachments`, `metadata` where there are any. Refuses nothing at all."""
    markdown = body.get("markdown_text")
    blocks, attachments = body.get("blocks"), body.get("attachments")
    if markdown:
        if body.get("text") or blocks:
            raise no("markdown_text_conflict")
        if len(markdown) > LONGEST_MARKDOWN:
            raise no("msg_too_long")
        blocks = [{"type": "markdown", "text": markdown}]
    said: dict[str, Any] = {}
    if blocks is not None and blocks != "":
        said["blocks"] = checked_blocks(ctx, blocks)
    if attachments is not None and attachments != "":
        said["attachments"] = checked_attachments(ctx, attachments)
    text = str(markdown or body.get("text") or "")
    if len(text) > LONGEST:
        raise no("msg_too_long")
    if not text.strip() and not said.get("blocks") and not said.get("attachments"):
        raise no("no_text")
    said["text"] = escaped(text) if text.strip() else WITHOUT_TEXT if said.get("blocks") else ""
    if body.get("metadata"):
        said["metadata"] = _metadata(body["metadata"])
    return {name: value for name, value in said.items() if value or name == "text"}


def _metadata(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise no("invalid_metadata_format")
    kind, payload = given.get("event_type"), given.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, Mapping):
        raise no("invalid_metadata_schema")
    return {"event_type": kind, "event_payload": dict(payload)}


def escaped(text: str) -> str:
    """A text with its control characters escaped, but for mentions, links and what is escaped already."""
    parts, end = [], 0
    for token in _TOKEN.finditer(text):
        parts.append("".join(_ESCAPED.get(letter, letter) for letter in text[end : token.start()]))
        parts.append(token[0])
        end = token.end()
    parts.append("".join(_ESCAPED.get(letter, letter) for letter in text[end:]))
    return "".join(parts)


def author(ctx: Context, me: Caller, body: Mapping[str, Any]) -> dict[str, Any]:
    """As whom a message is posted: the user, or the app's bot, under a name and with a picture of its choice."""
    fields: dict[str, Any] = {"user": me.user, "team": me.team, "_by": me.user}
    if me.human:
        return fields
    bot = ctx.get("bot", me.bot)
    fields |= {"bot_id": me.bot, "app_id": me.app, "bot_profile": {name: bot[name] for name in
               ("id", "app_id", "user_id", "name", "icons", "deleted", "updated", "team_id")}}  # fmt: skip
    if body.get("username"):
        fields |= {"username": body["username"], "subtype": "bot_message"}
    if body.get("icon_emoji") or body.get("icon_url"):
        emoji = body.get("icon_emoji")
        fields["icons"] = {"emoji": emoji} if emoji else {"image_48": body["icon_url"]}
    return fields


def post(
    ctx: Context,
    me: Caller,
    channel: Entity,
    said: Mapping[str, Any],
    *,
    thread: Any = None,
    broadcast: bool = False,
    told: bool = True,
) -> Entity:
    """A new message in a conversation, in a thread of it if `thread` is a `ts`; everybody is told.

    `told` is false for what only the conversation says of itself (somebody joined): no report counts it as posted.
    """
    root = root_of(ctx, channel, thread) if thread is not None and thread != "" else None
    ts = stamp(ctx)
    fields: dict[str, Any] = {
        "type": "message",
        "user": me.user,
        **said,
        "_channel": channel.id,
        "_thread": "",
        "_shown": True,
    }
    if root is not None:
        fields |= {"thread_ts": root["ts"], "parent_user_id": root["user"], "_thread": root["ts"], "_shown": broadcast}
        if broadcast:
            fields["subtype"] = "thread_broadcast"
    message = ctx.create("message", ts, **fields)
    if root is not None:
        _threaded(ctx, root)
    tell(ctx, channel, shown(message))
    if told:
        ctx.emit(
            "posted",
            {
                "to": title(ctx, channel),
                "channel": channel.id,
                "ts": ts,
                "text": message["text"],
                "user": message["user"],
            },
        )
    return message


def root_of(ctx: Context, channel: Entity, thread: Any) -> Entity:
    """The message that a thread begins with, by its `ts` or that of a reply."""
    if not _TS.fullmatch(str(thread)):
        raise no("invalid_thread_ts", f"{thread} is not a valid thread_ts")
    found = ctx.find("message", str(thread))
    if found is not None and found["_thread"]:
        found = ctx.find("message", found["_thread"])
    if found is None or found["_channel"] != channel.id:
        raise no("thread_not_found")
    if found.get("subtype") in {
        "channel_join",
        "channel_leave",
        "channel_topic",
        "channel_purpose",
        "channel_name",
        "channel_archive",
    }:
        raise no("cannot_reply_to_message")
    return found


def _threaded(ctx: Context, root: Entity) -> None:
    """Count a thread's replies anew."""
    replies = ctx.list("message", newest_first=False, _thread=root["ts"])
    users = list(dict.fromkeys(reply["user"] for reply in replies))
    ctx.update(
        root, thread_ts=root["ts"], reply_count=len(replies), reply_users_count=len(users), reply_users=users,
        latest_reply=replies[-1]["ts"] if replies else root["ts"], is_locked=False, subscribed=True,
    )  # fmt: skip


def unthreaded(ctx: Context, ts: str) -> None:
    """A thread after one of its replies has gone; without any it is a plain message again, or gone itself."""
    root = ctx.find("message", ts)
    if root is None:
        return
    if ctx.list("message", _thread=ts, limit=1):
        _threaded(ctx, root)
    elif root.get("subtype") == "tombstone":
        ctx.delete(root)
    else:
        ctx.update(root, reply_count=0, reply_users_count=0, reply_users=[])


def found(ctx: Context, channel: Mapping[str, Any], ts: Any, code: str = "message_not_found") -> Entity:
    """A message of a conversation by its `ts`."""
    message = ctx.find("message", str(ts or ""))
    if message is None or message["_channel"] != channel["id"]:
        raise no(code)
    return message


def shown(message: Mapping[str, Any], *, metadata: bool = True) -> dict[str, Any]:
    """A message as it is shown. One of a bot under another name, or of a webhook, has no user."""
    out = {name: value for name, value in message.items() if not name.startswith("_") and value not in ([], None)}
    if not out.get("reply_count"):
        for name in ("reply_count", "reply_users_count", "latest_reply", "is_locked", "subscribed"):
            out.pop(name, None)
        if out.get("thread_ts") == out["ts"]:
            del out["thread_ts"]
    if not metadata:
        out.pop("metadata", None)
    if out.get("subtype") == "bot_message":
        out.pop("user", None)
    return out


def tell(ctx: Context, channel: Entity, message: Mapping[str, Any], **more: Any) -> None:
    """Tell of a message, and the app of its being mentioned."""
    event = {**message, "channel": channel.id, "event_ts": message["ts"], "channel_type": kind_of(channel), **more}
    ctx.emit("message", event)
    if "subtype" in message or channel.get("is_im") or "<@" not in str(message.get("text", "")):
        return
    bot = ctx.get("installation", "here")["bot_user"]
    if message.get("user", bot) != bot and bot in _MENTION.findall(str(message.get("text", ""))):
        ctx.emit("app_mention", {**event, "type": "app_mention"})


def changed(ctx: Context, channel: Entity, subtype: str, **fields: Any) -> None:
    """Tell of a message that was changed or deleted."""
    ts = stamp(ctx)
    ctx.emit(
        "message",
        {
            "type": "message", "subtype": subtype, "hidden": True, "channel": channel.id, "ts": ts, "event_ts": ts,
            "channel_type": kind_of(channel), **fields,
        },
    )  # fmt: skip


def note(ctx: Context, me: Caller, channel: Entity, subtype: str, text: str, **fields: Any) -> Entity:
    """What a conversation says of itself: that somebody joined, that it has another topic."""
    return post(ctx, me, channel, {"subtype": subtype, "text": text, "user": me.user, **fields}, told=False)
