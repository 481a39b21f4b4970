"""Uploads: an address is asked for, bytes are sent there, and the file is shared in conversations.

https://docs.slack.dev/messaging/working-with-files#upload. Until the last step there is no file for anybody.
"""

import re
from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, Upload, operation

from . import channels, posting
from .callers import Caller, caller, no
from .files import described, previewed, shown

LARGEST = 1024 * 1024 * 1024  # bytes of a file
LARGEST_SNIPPET = 1024 * 1024
LONGEST_ALT = 1000
MOST_CHANNELS = 100
_SNIPPET = re.compile(r"[a-z0-9_+-]+")


@operation("POST /files.getUploadURLExternal")
def upload_url(ctx: Context) -> dict[str, Any]:
    """An address for one file's bytes."""
    me = caller(ctx)
    name, length, snippet = ctx.body["filename"], ctx.body["length"], ctx.body.get("snippet_type")
    if length <= 0 or not name:
        raise no("missing_argument")
    if len(ctx.body.get("alt_txt") or "") > LONGEST_ALT:
        raise no("alt_txt_too_large")
    if length > LARGEST:
        raise no("file_upload_size_restricted")
    if snippet and not _SNIPPET.fullmatch(snippet):
        raise no("unknown_snippet_type")
    if snippet and length > LARGEST_SNIPPET:
        raise no("snippet_too_large")
    file_id = ctx.new_id("file")
    more = {"alt_txt": ctx.body.get("alt_txt"), "snippet_type": snippet}
    ctx.create("file", file_id, **described(ctx, me, file_id, name, length, **more), _state="begun", _sent=False)
    ticket = ctx.token(86)
    ctx.create("upload", ticket, file=file_id)
    return {"upload_url": f"https://files.slack.com/upload/v1/{ticket}", "file_id": file_id}


@operation("POST /upload/v1/{ticket}")
def send(ctx: Context, ticket: str) -> Response:
    """Take a file's bytes, as they are or as a form's file."""
    return _take(ctx, ticket)


@operation("PUT /upload/v1/{ticket}")
def put(ctx: Context, ticket: str) -> Response:
    """Take a file's bytes."""
    return _take(ctx, ticket)


def _take(ctx: Context, ticket: str) -> Response:
    known = ctx.find("upload", ticket)
    file = ctx.find("file", known["file"]) if known is not None else None
    if file is None or file["_state"] != "begun":
        return Response(404, "Not found", {"Content-Type": "text/plain"})
    try:
        sent = ctx.file()
    except Refusal:  # no bytes at all, or a form that can't be read
        return Response(400, "Bad request", {"Content-Type": "text/plain"})
    if len(sent.data) != file["size"]:
        text = f"Expected {file['size']} bytes, got {len(sent.data)}"
        return Response(400, text, {"Content-Type": "text/plain"})
    ctx.attach(file, Upload("", file["name"], file["mimetype"], sent.data))
    ctx.update(file, _sent=True, **(previewed(sent.data) if file["mode"] == "snippet" else {}))
    return Response(200, f"OK - {len(sent.data)}", {"Content-Type": "text/plain"})


@operation("POST /files.completeUploadExternal")
def complete(ctx: Context) -> dict[str, Any]:
    """Make files of what was uploaded, and share them all with one message in each conversation."""
    me = caller(ctx)
    body = ctx.body
    wanted = body["files"]
    if (
        not isinstance(wanted, list)
        or not wanted
        or not all(isinstance(one, Mapping) and one.get("id") for one in wanted)
    ):
        raise no("invalid_arguments", "files must be a list of objects with an id [json-pointer:/files]")
    files = [_finished(ctx, me, one) for one in wanted]
    places = _places(ctx, me)
    if body.get("thread_ts") and len(places) > 1:
        raise no("invalid_arguments", "thread_ts works with one channel only [json-pointer:/thread_ts]")
    for place in places:
        files = share(
            ctx,
            me,
            place,
            files,
            comment=body.get("initial_comment"),
            blocks=body.get("blocks"),
            thread=body.get("thread_ts"),
        )
    return {"files": [shown(file) for file in files]}


@operation("POST /files.upload")
def upload(ctx: Context) -> dict[str, Any]:
    """The way of before 2025, which Slack has switched off."""
    caller(ctx)
    raise no("method_deprecated")


def share(
    ctx: Context,
    me: Caller,
    channel: Entity,
    files: list[Entity],
    *,
    comment: Any = None,
    blocks: Any = None,
    thread: Any = None,
) -> list[Entity]:
    """Share files in a conversation, with a message. Gives them as they are then."""
    said: dict[str, Any] = {"text": ""}
    if comment:
        said = posting.content(ctx, {"text": comment})
    elif blocks:
        said = posting.content(ctx, {"blocks": blocks})
    public = not channel.get("is_private") and not channels.is_direct(channel)
    group = "ims" if channel.get("is_im") else "groups" if not public else "channels"
    noted = [
        ctx.update(
            file,
            _in=[*file["_in"], channel.id],
            is_public=file["is_public"] or public,
            **{group: [*file[group], channel.id]},
        )
        for file in files
    ]
    fields = {
        **posting.author(ctx, me, {}),
        **said,
        "files": [_in_message(file) for file in noted],
        "upload": True,
        "display_as_bot": False,
    }
    message = posting.post(ctx, me, channel, fields, thread=thread, told=False)
    kind = "public" if public else "private"
    share_ = {
        "ts": message["ts"],
        "channel_name": channel.get("name", ""),
        "team_id": me.team,
        "share_user_id": me.user,
        "source": "UNKNOWN",
    }
    out = []
    for file in noted:
        shares = {name: dict(places) for name, places in file["shares"].items()}
        shares.setdefault(kind, {})[channel.id] = [share_]
        out.append(ctx.update(file, shares=shares))
        event = {
            "type": "file_shared",
            "channel_id": channel.id,
            "file_id": file.id,
            "user_id": me.user,
            "file": {"id": file.id},
        }
        ctx.emit("file_shared", {**event, "event_ts": message["ts"]})
        ctx.emit(
            "uploaded",
            {"to": channels.title(ctx, channel), "channel": channel.id, "file": file.id, "name": file["name"]},
        )
    return out


def _finished(ctx: Context, me: Caller, wanted: Mapping[str, Any]) -> Entity:
    """A file whose bytes are there, with its title."""
    file = ctx.find("file", str(wanted["id"]))
    if file is None or file["_by"] != me.user or file.get("_state") != "begun":
        raise no("file_not_found")
    if not file["_sent"]:
        raise no("file_update_failed")
    title = str(wanted.get("title") or file["title"])
    made = ctx.update(file, _state="done", title=title)
    event = {"type": "file_created", "file_id": file.id, "user_id": me.user, "file": {"id": file.id}}
    ctx.emit("file_created", {**event, "event_ts": posting.stamp(ctx)})
    return made


def _places(ctx: Context, me: Caller) -> list[Entity]:
    """Where files are to be shared. Refuses more than Slack does, and what the caller can't post to."""
    given = ctx.body.get("channels")
    names = given if isinstance(given, list) else str(given or "").split(",")
    names = [str(name).strip() for name in (*names, ctx.body.get("channel_id") or "") if str(name).strip()]
    if len(names) > MOST_CHANNELS:
        raise no("channels_limit_exceeded")
    return [channels.addressed(ctx, me, name) for name in dict.fromkeys(names)]


def _in_message(file: Mapping[str, Any]) -> dict[str, Any]:
    """A file as messages have it: without where else it is."""
    elsewhere = {"shares", "channels", "groups", "ims", "comments_count"}
    return {name: value for name, value in shown(file).items() if name not in elsewhere}
