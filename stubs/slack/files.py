"""Files: what is known of them, lists of them, and their going away. How they come is in `file_uploads.py`.

https://docs.slack.dev/reference/objects/file-object. `_by` is who uploaded a file, `_in` the conversations that it was shared in.
"""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from . import posting
from .callers import Caller, caller, no
from .planting import DOMAIN

LONGEST_PREVIEW = 1000  # characters of a text that is shown beside its name
_TYPES: Mapping[str, tuple[str, str, str]] = {  # ending -> Slack's type, media type, what people call it
    "txt": ("text", "text/plain", "Plain Text"), "log": ("text", "text/plain", "Plain Text"),
    "md": ("markdown", "text/markdown", "Markdown (raw)"), "csv": ("csv", "text/csv", "CSV"), "json": ("json", "application/json", "JSON"),
    "yaml": ("yaml", "text/yaml", "YAML"), "yml": ("yaml", "text/yaml", "YAML"), "xml": ("xml", "text/xml", "XML"),
    "html": ("html", "text/html", "HTML"), "py": ("python", "text/x-python", "Python"), "js": ("javascript", "text/javascript", "JavaScript"),
    "sql": ("sql", "text/x-sql", "SQL"), "sh": ("shell", "text/x-sh", "Shell"), "diff": ("diff", "text/x-diff", "Diff"),
    "pdf": ("pdf", "application/pdf", "PDF"), "png": ("png", "image/png", "PNG"), "jpg": ("jpg", "image/jpeg", "JPEG"),
    "jpeg": ("jpg", "image/jpeg", "JPEG"), "gif": ("gif", "image/gif", "GIF"), "svg": ("svg", "image/svg+xml", "SVG"),
    "webp": ("webp", "image/webp", "WebP"), "mp4": ("mp4", "video/mp4", "MPEG 4 Video"), "mp3": ("mp3", "audio/mpeg", "MP3"),
    "zip": ("zip", "application/zip", "Zip"),
    "docx": ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "Word Document"),
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel Spreadsheet"),
}  # fmt: skip
_TEXTS = frozenset(
    {"text", "markdown", "csv", "json", "python", "javascript", "html", "xml", "yaml", "sql", "shell", "diff"}
)
_KINDS = {
    "images": ("image/",),
    "snippets": (),
    "pdfs": ("application/pdf",),
    "zips": ("application/zip",),
    "spaces": (),
    "gdocs": (),
}


def described(ctx: Context, me: Caller, file_id: str, name: str, size: int, **more: Any) -> dict[str, Any]:
    """What a file says of itself before anybody has shared it."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    kind, media, pretty = _TYPES.get(
        ending, (ending or "binary", "application/octet-stream", ending.upper() or "Binary")
    )
    place = f"https://files.slack.com/files-pri/{me.team}-{file_id}"
    mode = "snippet" if more.pop("snippet_type", None) or kind in _TEXTS else "hosted"
    said = {name: value for name, value in more.items() if value is not None}
    slug = name.lower().replace(" ", "_")
    return {
        "created": ctx.now(), "timestamp": ctx.now(), "name": name, "title": name, "mimetype": media, "filetype": kind,
        "pretty_type": pretty, "user": me.user, "user_team": me.team, "editable": mode == "snippet",
        "size": size, "mode": mode, "is_external": False, "external_type": "", "is_public": False, "public_url_shared": False,
        "display_as_bot": False, "username": "", "url_private": f"{place}/{slug}", "url_private_download": f"{place}/download/{slug}",
        "permalink": f"https://{DOMAIN}.slack.com/files/{me.user}/{file_id}/{slug}",
        "permalink_public": f"https://slack-files.com/{me.team}-{file_id}-{ctx.token(10, '0123456789abcdef')}",
        "comments_count": 0, "is_starred": False, "shares": {}, "channels": [], "groups": [], "ims": [], "has_rich_preview": False,
        "file_access": "visible", "_by": me.user, "_in": [], **said,
    }  # fmt: skip


def shown(file: Mapping[str, Any]) -> dict[str, Any]:
    """A file as it is shown."""
    return {name: value for name, value in file.items() if not name.startswith("_")}


def previewed(text: bytes) -> dict[str, Any]:
    """The beginning of a file that is text."""
    whole = text.decode(errors="replace")
    lines = whole.count("\n") + 1
    head = whole[:LONGEST_PREVIEW]
    return {
        "preview": head,
        "lines": lines,
        "lines_more": max(0, lines - 5),
        "preview_is_truncated": len(whole) > len(head),
    }


def visible(ctx: Context, me: Caller, file: Mapping[str, Any]) -> bool:
    """Whether somebody may know of a file: their own, a public one, one shared where they are."""
    if file["_by"] == me.user or file["is_public"]:
        return True
    places = (ctx.find("channel", channel) for channel in file["_in"])
    return any(place is not None and me.user in place["_members"] for place in places)


def found(ctx: Context, me: Caller, wanted: Any) -> Entity:
    """A file that is there, by its id."""
    file = ctx.find("file", str(wanted))
    if file is None or file.get("_state") == "begun" or not visible(ctx, me, file):
        raise no("file_not_found")
    return file


@operation("POST /files.info")
def info(ctx: Context) -> dict[str, Any]:
    """A file, and the text of one that is text."""
    file = found(ctx, caller(ctx), ctx.body["file"])
    reply: dict[str, Any] = {"file": shown(file), "comments": [], "response_metadata": {"next_cursor": ""}}
    if file["mode"] == "snippet":
        content = ctx.content(file)
        reply["content"] = "" if content is None else content.data.decode(errors="replace")
    return reply


@operation("POST /files.list")
def list_files(ctx: Context) -> dict[str, Any]:
    """Files, the newest first, page by page."""
    me = caller(ctx)
    body = ctx.body
    kinds = {kind.strip() for kind in str(body.get("types") or "all").split(",")}
    if kinds - {"all", *_KINDS}:
        raise no("unknown_type")
    first, last = (_moment(body.get(name)) for name in ("ts_from", "ts_to"))
    files = [
        file
        for file in ctx.list("file")
        if file.get("_state") != "begun"
        and visible(ctx, me, file)
        and body.get("user") in {None, "", file["user"]}
        and (not body.get("channel") or body["channel"] in file["_in"])
        and (first is None or file["created"] >= first)
        and (last is None or file["created"] <= last)
        and ("all" in kinds or any(_is_a(file, kind) for kind in kinds))
    ]
    count, page = min(int(body.get("count") or 100), 1000), max(1, int(body.get("page") or 1))
    if count < 1:
        raise no("invalid_arguments", "count must be at least 1")
    paging = {"count": count, "total": len(files), "page": page, "pages": -(-len(files) // count)}
    return {"files": [shown(file) for file in files[(page - 1) * count : page * count]], "paging": paging}


@operation("POST /files.delete")
def delete(ctx: Context) -> dict[str, Any]:
    """Delete a file of one's own. Messages that shared it keep a place for it."""
    me = caller(ctx)
    file = found(ctx, me, ctx.body["file"])
    if file["_by"] != me.user and not (me.human and ctx.get("user", me.user)["is_admin"]):
        raise no("cant_delete_file")
    gone = {"id": file.id, "mode": "tombstone"}
    for channel in file["_in"]:
        for message in ctx.list("message", _channel=channel):
            if any(one["id"] == file.id for one in message.get("files") or ()):
                ctx.update(message, files=[gone if one["id"] == file.id else one for one in message["files"]])
    ctx.delete(file)
    ctx.emit(
        "file_deleted",
        {"type": "file_deleted", "file_id": file.id, "channel_ids": file["_in"], "event_ts": posting.stamp(ctx)},
    )
    ctx.emit("deleted_file", {"id": file.id, "name": file["name"]})
    return {}


@operation("POST /files.sharedPublicURL")
def share_publicly(ctx: Context) -> dict[str, Any]:
    """Let everybody who has its address see a file."""
    file = found(ctx, caller(ctx), ctx.body["file"])
    if file["public_url_shared"]:
        raise no("already_public")
    changed = ctx.update(file, public_url_shared=True)
    ctx.emit(
        "file_public",
        {"type": "file_public", "file_id": file.id, "file": {"id": file.id}, "event_ts": posting.stamp(ctx)},
    )
    return {"file": shown(changed)}


@operation("POST /files.revokePublicURL")
def hide_again(ctx: Context) -> dict[str, Any]:
    """Let only the workspace see a file again."""
    return {"file": shown(ctx.update(found(ctx, caller(ctx), ctx.body["file"]), public_url_shared=False))}


@operation("GET /files-pri/{place}/{name}")
def look(ctx: Context, place: str, name: str) -> Response:
    """A file's bytes, for who has the workspace's token."""
    del name
    return _bytes(ctx, place, inline=True)


@operation("GET /files-pri/{place}/download/{name}")
def save(ctx: Context, place: str, name: str) -> Response:
    """A file's bytes, to be saved."""
    del name
    return _bytes(ctx, place, inline=False)


def _bytes(ctx: Context, place: str, *, inline: bool) -> Response:
    if not ctx.key:  # Slack shows a page to sign in
        return Response(302, b"", {"Location": f"https://{DOMAIN}.slack.com/?redir=%2Ffiles-pri%2F{place}"})
    file = ctx.find("file", place.partition("-")[2])
    if file is None or file.get("_state") == "begun" or not visible(ctx, caller(ctx), file):
        return Response(404, "File not found", {"Content-Type": "text/html"})
    return ctx.download(file, inline=inline)


def _moment(value: Any) -> float | None:
    """A time in seconds; None where there is none."""
    try:
        return float(value) if value not in {None, ""} else None
    except (TypeError, ValueError):
        raise no("invalid_arguments", "must be a timestamp") from None


def _is_a(file: Mapping[str, Any], kind: str) -> bool:
    if kind == "snippets":
        return bool(file["mode"] == "snippet")
    return any(str(file["mimetype"]).startswith(media) for media in _KINDS[kind])
