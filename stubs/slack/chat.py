"""Chat: posting, changing and deleting messages, those for one person's eyes, links to them and their unfurling."""

from typing import Any

from childproof.stubkit import Context, operation

from . import channels, posting
from .callers import Caller, caller, no
from .planting import DOMAIN

SLACKBOT = "USLACKBOT"


@operation("POST /chat.postMessage")
def post_message(ctx: Context) -> dict[str, Any]:
    """Post a message to a channel, a person or a thread."""
    me = caller(ctx)
    channel = channels.addressed(ctx, me, ctx.body["channel"])
    said = {**posting.author(ctx, me, ctx.body), **posting.content(ctx, ctx.body)}
    made = posting.post(
        ctx, me, channel, said, thread=ctx.body.get("thread_ts"), broadcast=bool(ctx.body.get("reply_broadcast"))
    )
    return {"channel": channel.id, "ts": made["ts"], "message": posting.shown(made)}


@operation("POST /chat.meMessage")
def me_message(ctx: Context) -> dict[str, Any]:
    """Post what somebody does: `/me waves`."""
    me = caller(ctx)
    channel = channels.addressed(ctx, me, ctx.body["channel"])
    said = {**posting.author(ctx, me, {}), **posting.content(ctx, ctx.body), "subtype": "me_message"}
    return {"channel": channel.id, "ts": posting.post(ctx, me, channel, said)["ts"]}


@operation("POST /chat.postEphemeral")
def post_ephemeral(ctx: Context) -> dict[str, Any]:
    """Post what only one user sees, and nobody can find later."""
    me = caller(ctx)
    channel = channels.addressed(ctx, me, ctx.body["channel"])
    user = channels.known_user(ctx, ctx.body["user"], "user_not_in_channel")
    if user.id not in channel["_members"]:
        raise no("user_not_in_channel")
    said = posting.content(ctx, ctx.body)
    thread = ctx.body.get("thread_ts")
    if thread:
        said["thread_ts"] = posting.root_of(ctx, channel, thread)["ts"]
    ts = posting.stamp(ctx)
    ctx.create("ephemeral", ts, **posting.author(ctx, me, ctx.body), **said, _channel=channel.id, _to=user.id)
    ctx.emit("posted_ephemeral", {"to": f"@{user['name']}", "channel": channel.id, "ts": ts, "text": said["text"]})
    return {"message_ts": ts}


@operation("POST /chat.update")
def update(ctx: Context) -> dict[str, Any]:
    """Change a message of one's own."""
    me = caller(ctx)
    channel = channels.found(ctx, me, ctx.body["channel"])
    message = posting.found(ctx, channel, ctx.body["ts"])
    if message["_by"] != me.user or message.get("subtype") in {"tombstone", "me_message"}:
        raise no("cant_update_message")
    if channel.get("is_archived"):
        raise no("is_archived")
    given = {
        name: value
        for name, value in ctx.body.items()
        if name in {"text", "blocks", "attachments", "markdown_text", "metadata"}
    }
    kept = {name: message[name] for name in ("attachments", "metadata") if name in message and name not in given}
    if "text" in given and "blocks" not in given and "attachments" not in given:
        kept.pop("attachments", None)  # they go with the text that they belonged to
    said = posting.content(ctx, {**kept, **given})
    before = posting.shown(message)
    cleared = {name: None for name in ("blocks", "attachments") if name in message and name not in said}
    edited = ctx.update(message, **cleared, **said, edited={"user": me.user, "ts": f"{ctx.now()}.000000"})
    if ctx.body.get("reply_broadcast") and edited["_thread"] and not edited["_shown"]:
        edited = ctx.update(edited, _shown=True, subtype="thread_broadcast")
    after = posting.shown(edited)
    posting.changed(ctx, channel, "message_changed", message=after, previous_message=before)
    ctx.emit("edited", {"to": channels.title(ctx, channel), "channel": channel.id, "ts": message["ts"]})
    return {"channel": channel.id, "ts": message["ts"], "text": after["text"], "message": after}


@operation("POST /chat.delete")
def delete(ctx: Context) -> dict[str, Any]:
    """Delete a message of one's own. One with replies leaves a place for them."""
    me = caller(ctx)
    channel = channels.found(ctx, me, ctx.body["channel"])
    message = posting.found(ctx, channel, ctx.body["ts"])
    if not _may_delete(ctx, me, message):
        raise no("cant_delete_message")
    before = posting.shown(message)
    for pin in ctx.list("pin", _message=message["ts"]):
        ctx.delete(pin)
    if message.get("reply_count"):
        gone = {
            name: None
            for name in (
                "blocks",
                "attachments",
                "reactions",
                "bot_id",
                "bot_profile",
                "app_id",
                "files",
                "metadata",
                "edited",
            )
            if name in message
        }
        ctx.update(
            message,
            **gone,
            subtype="tombstone",
            text="This message was deleted.",
            user=SLACKBOT,
            _by=SLACKBOT,
        )
    else:
        ctx.delete(message)
    if message["_thread"]:
        posting.unthreaded(ctx, message["_thread"])
    posting.changed(ctx, channel, "message_deleted", deleted_ts=message["ts"], previous_message=before)
    ctx.emit("deleted", {"to": channels.title(ctx, channel), "channel": channel.id, "ts": message["ts"]})
    return {"channel": channel.id, "ts": message["ts"]}


def _may_delete(ctx: Context, me: Caller, message: Any) -> bool:
    if message.get("subtype") == "tombstone":
        return False
    return message["_by"] == me.user or (me.human and bool(ctx.get("user", me.user)["is_admin"]))


@operation("POST /chat.getPermalink")
def get_permalink(ctx: Context) -> dict[str, Any]:
    """The address at which people find a message."""
    me = caller(ctx)
    channel = channels.found(ctx, me, ctx.body["channel"])
    return {"channel": channel.id, "permalink": permalink(posting.found(ctx, channel, ctx.body["message_ts"]))}


def permalink(message: Any) -> str:
    """The address of a message."""
    link = f"https://{DOMAIN}.slack.com/archives/{message['_channel']}/p{message['ts'].replace('.', '')}"
    return f"{link}?thread_ts={message['_thread']}&cid={message['_channel']}" if message["_thread"] else link


@operation("POST /chat.unfurl")
def unfurl(ctx: Context) -> dict[str, Any]:
    """Show what links in a message lead to."""
    me = caller(ctx)
    body = ctx.body
    unfurls = body.get("unfurls")
    if not body.get("unfurl_id") and not (body.get("channel") and body.get("ts")):
        raise no("invalid_arguments", "missing required field: ts", "missing required field: channel")
    if not unfurls and not body.get("user_auth_required"):
        raise no("missing_unfurls")
    if unfurls and not isinstance(unfurls, dict):
        raise no("invalid_unfurls_format")
    if body.get("unfurl_id"):
        return {}
    channel = channels.found(ctx, me, body["channel"])
    message = posting.found(ctx, channel, body["ts"], "cannot_find_message")
    if any(url.replace("&", "&amp;") not in message["text"] and url not in message["text"] for url in unfurls or {}):
        raise no("cannot_unfurl_url")
    before = posting.shown(message)
    shown = [{"id": number + 1, "from_url": url, "app_unfurl_url": url, "is_app_unfurl": True, "app_id": me.app, **value}
             for number, (url, value) in enumerate((unfurls or {}).items()) if isinstance(value, dict)]  # fmt: skip
    kept = [one for one in message.get("attachments") or [] if one.get("from_url") not in (unfurls or {})]
    changed = ctx.update(message, attachments=[*kept, *shown])
    posting.changed(ctx, channel, "message_changed", message=posting.shown(changed), previous_message=before)
    return {}
