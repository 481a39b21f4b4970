"""What was said in a conversation, and in a thread of it."""

import base64
import binascii
from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import channels, posting
from .callers import caller, no

_MOST = 999  # messages of a page: https://docs.slack.dev/reference/methods/conversations.history


@operation("POST /conversations.history")
def history(ctx: Context) -> dict[str, Any]:
    """Messages of a conversation, the newest first; replies only where they were broadcast."""
    me = caller(ctx)
    channel = channels.inside(ctx, me, ctx.body["channel"])
    limit, below, oldest, latest, inclusive = _asked(ctx)
    plain = not (below or oldest or latest)
    known = ctx.list("message", _channel=channel.id, _shown=True, limit=limit + 1 if plain else None)
    known = [message for message in known if _within(message["ts"], oldest, latest, inclusive=inclusive)]
    if below:
        known = [message for message in known if message["ts"] < below]
    found, more = known[:limit], len(known) > limit
    return {
        "messages": [posting.shown(message, metadata=bool(ctx.body.get("include_all_metadata"))) for message in found],
        "has_more": more, "pin_count": len(ctx.list("pin", _channel=channel.id)), "channel_actions_ts": None,
        "channel_actions_count": 0, **_following(found, more=more),
    }  # fmt: skip


@operation("POST /conversations.replies")
def replies(ctx: Context) -> dict[str, Any]:
    """A thread: the message that it begins with, then its replies, the oldest first."""
    me = caller(ctx)
    channel = channels.inside(ctx, me, ctx.body["channel"])
    root = ctx.find("message", str(ctx.body["ts"]))
    if root is not None and root["_thread"]:
        root = ctx.find("message", root["_thread"])
    if root is None or root["_channel"] != channel.id:
        raise no("thread_not_found")
    limit, above, oldest, latest, inclusive = _asked(ctx)
    known = [
        message
        for message in ctx.list("message", newest_first=False, _thread=root["ts"])
        if _within(message["ts"], oldest, latest, inclusive=inclusive) and message["ts"] > above
    ]
    found = known[:limit]
    more = len(known) > limit
    first = [] if above else [root]
    return {
        "messages": [posting.shown(one, metadata=bool(ctx.body.get("include_all_metadata"))) for one in [*first, *found]],
        "has_more": more, **_following(found, more=more),
    }  # fmt: skip


def _following(found: list[Entity], *, more: bool) -> dict[str, Any]:
    if not more:
        return {}
    place = f"next_ts:{found[-1]['ts'].replace('.', '')}"
    return {"response_metadata": {"next_cursor": base64.b64encode(place.encode()).decode()}}


def _asked(ctx: Context) -> tuple[int, str, str, str, bool]:
    """The limit, where the page begins, and between which times."""
    limit = ctx.body.get("limit", 100)
    if not 1 <= limit <= 1000:
        raise no("invalid_limit")
    cursor = ctx.body.get("cursor") or ""
    if cursor:
        cursor = _place(cursor)
    bounds = [str(ctx.body.get(name) or "") for name in ("oldest", "latest")]
    for name, bound in zip(("oldest", "latest"), bounds, strict=True):
        if not bound.replace(".", "", 1).isdigit() and bound not in {"", "now"}:
            raise no(f"invalid_ts_{name}")
    oldest, latest = ("" if bound in {"", "0", "now"} else _whole(bound) for bound in bounds)
    return min(limit, _MOST), cursor, oldest, latest, bool(ctx.body.get("inclusive"))


def _place(cursor: str) -> str:
    try:
        word, _, digits = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise no("invalid_cursor") from None
    if word != "next_ts" or not digits.isdigit() or len(digits) != 16:
        raise no("invalid_cursor")
    return f"{digits[:10]}.{digits[10:]}"


def _whole(bound: str) -> str:
    seconds, _, rest = bound.partition(".")
    return f"{int(seconds or 0):010d}.{rest[:6]:0<6}"


def _within(ts: str, oldest: str, latest: str, *, inclusive: bool) -> bool:
    if inclusive:
        return (not oldest or ts >= oldest) and (not latest or ts <= latest)
    return (not oldest or ts > oldest) and (not latest or ts < latest)
