"""Bookmarks: links at the top of a channel. To change, list and remove them, stub.yaml says all there is."""

from typing import Any

from childproof.stubkit import Context, operation

from . import channels
from .callers import caller, no

MOST = 100


@operation("POST /bookmarks.add")
def add(ctx: Context) -> dict[str, Any]:
    """A new link in a channel."""
    me = caller(ctx)
    channel = channels.inside(ctx, me, ctx.body["channel_id"])
    body = ctx.body
    if body["type"] != "link":
        raise no("invalid_bookmark_type")
    if not str(body.get("link", "")).startswith(("http://", "https://", "mailto:")):
        raise no("invalid_link")
    known = ctx.list("bookmark", channel_id=channel.id)
    if len(known) >= MOST:
        raise no("too_many_bookmarks")
    made = ctx.create(
        "bookmark", channel_id=channel.id, title=body["title"], link=body["link"], emoji=body.get("emoji"), type="link",
        entity_id=body.get("entity_id"), rank="UVWXYZ"[min(len(known), 5)], last_updated_by_user_id=me.user,
        last_updated_by_team_id=me.team,
    )  # fmt: skip
    return {"bookmark": made}
