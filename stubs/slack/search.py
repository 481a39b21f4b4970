"""Search: messages and files that the user may see, by words and modifiers.

https://docs.slack.dev/reference/methods/search.messages

Only users search, so it takes a user's token (`xoxp-`). What is understood of a query: words, "phrases", -word, word*,
`in:`, `from:`, `to:me`, `has:`, `is:thread`, `before:`, `after:`, `on:`, `during:`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import channels, files
from .callers import Caller, human, no
from .chat import permalink

MOST = 100  # of a page, and of pages
_PART = re.compile(r'(-?)(?:([a-z]+):)?("[^"]*"?|\S+)')
_MODIFIERS = frozenset({"in", "from", "to", "has", "is", "before", "after", "on", "during", "with"})
_MARKED = "\ue000", "\ue001"  # what Slack puts around what was found
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)


@dataclass(frozen=True, slots=True)
class Item:
    """A message or file, and the text of it that is searched, in small letters."""

    value: Entity
    text: str


Test = Callable[[Item], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it is meant: what must be true, and the words to be marked."""

    tests: tuple[Test, ...]
    words: tuple[str, ...]

    def finds(self, value: Entity, text: str) -> bool:
        """Whether a message or file is meant."""
        item = Item(value, text.lower())
        return all(test(item) for test in self.tests)


@operation("POST /search.messages")
def search_messages(ctx: Context) -> dict[str, Any]:
    """Messages."""
    me = human(ctx)
    query = parsed(ctx, me, ctx.body["query"])
    return {"query": ctx.body["query"], "messages": _messages(ctx, me, query)}


@operation("POST /search.files")
def search_files(ctx: Context) -> dict[str, Any]:
    """Files."""
    me = human(ctx)
    query = parsed(ctx, me, ctx.body["query"])
    return {"query": ctx.body["query"], "files": _files(ctx, me, query)}


@operation("POST /search.all")
def search_all(ctx: Context) -> dict[str, Any]:
    """Both."""
    me = human(ctx)
    query = parsed(ctx, me, ctx.body["query"])
    return {"query": ctx.body["query"], "messages": _messages(ctx, me, query), "files": _files(ctx, me, query)}


def parsed(ctx: Context, me: Caller, text: str) -> Query:
    """A query as it is written. Refuses one that says nothing."""
    if not text.strip():
        raise no("no_query")
    tests: list[Test] = []
    words: list[str] = []
    for minus, modifier, value in _PART.findall(text.lower()):
        plain = value.strip('"')
        if modifier in _MODIFIERS:
            test = _modifier(ctx, me, modifier, plain)
        else:
            plain = f"{modifier}:{plain}" if modifier else plain
            test = _word(plain)
            if not minus and plain:
                words.append(plain.rstrip("*"))
        tests.append(_not(test) if minus else test)
    return Query(tuple(tests), tuple(words))


def _not(test: Test) -> Test:
    return lambda item: not test(item)


def _word(plain: str) -> Test:
    """A word, the beginning of one (`dep*`), or several words as they stand."""
    ending = r"" if plain.endswith("*") else r"(?!\w)"
    pattern = re.compile(rf"(?<!\w){re.escape(plain.rstrip('*'))}{ending}")
    return lambda item: pattern.search(item.text) is not None


def _modifier(ctx: Context, me: Caller, modifier: str, value: str) -> Test:
    match modifier:
        case "in":
            places = _places(ctx, me, value)
            return lambda item: bool(places & _where(item.value))
        case "from" | "with":
            users = _users(ctx, me, value)
            return lambda item: item.value.get("user") in users
        case "to":
            users = _users(ctx, me, value)
            return lambda item: any(f"<@{user.lower()}" in item.text for user in users)
        case "has":
            return _has(value)
        case "is":
            return lambda item: value != "thread" or bool(item.value.get("thread_ts"))
        case _:
            first, last = _span(ctx, modifier, value)
            return lambda item: first <= _time(item.value) < last


def _has(value: str) -> Test:
    if value.startswith(":") and value.endswith(":"):
        name = value.strip(":")
        return lambda item: any(one["name"] == name for one in item.value.get("reactions") or ())
    fields = {"link": "", "file": "files", "reaction": "reactions", "pin": "pinned_to"}
    if value not in fields:
        return lambda _: False
    if value == "link":
        return lambda item: "http://" in item.text or "https://" in item.text
    return lambda item: bool(item.value.get(fields[value]))


def _places(ctx: Context, me: Caller, value: str) -> set[str]:
    name = value.strip("<>").partition("|")[0]
    if name.startswith("@"):
        return {one.id for user in _users(ctx, me, name) if (one := channels.standing(ctx, me, [user])) is not None}
    name = name.removeprefix("#")
    return {one.id for one in ctx.list("channel") if name in {str(one.get("name", "")).lower(), one.id.lower()}}


def _users(ctx: Context, me: Caller, value: str) -> set[str]:
    name = value.strip("<>").partition("|")[0].removeprefix("@")
    if name == "me":
        return {me.user}
    names = ("name", "real_name", "id")
    return {user.id for user in ctx.list("user") if name in {str(user[field]).lower() for field in names}}


def _where(item: Mapping[str, Any]) -> set[str]:
    return {item["_channel"]} if "_channel" in item else set(item.get("_in") or ())


def _time(item: Mapping[str, Any]) -> float:
    return float(item["ts"] if "ts" in item else item["created"])


def _span(ctx: Context, modifier: str, value: str) -> tuple[float, float]:
    """From when to when, in seconds: `before` and `after` leave the day itself out."""
    begin, end = _days(datetime.fromtimestamp(ctx.now_ms() / 1000, UTC).date(), value)
    if begin is None or end is None:
        return (0.0, float("inf"))
    first, last = (datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() for day in (begin, end))
    return {"before": (0.0, first), "after": (last, float("inf"))}.get(modifier, (first, last))


def _days(now: date, value: str) -> tuple[date | None, date | None]:
    """The first day that a word or date means, and the one after its last."""
    if value in {"today", "yesterday"}:
        day = now - timedelta(days=value == "yesterday")
        return day, day + timedelta(days=1)
    if value in _MONTHS or re.fullmatch(r"\d{4}(-\d{2})?", value):
        if value in _MONTHS:
            month = _MONTHS.index(value) + 1
            year = now.year - (month > now.month)
        else:
            year, month = int(value[:4]), int(value[5:7] or 0)
        if month > 12:
            return None, None
        begin = date(year, month or 1, 1)
        return begin, date(year + (month in {0, 12}), 1 if month in {0, 12} else month + 1, 1)
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None, None
    return day, day + timedelta(days=1)


def _messages(ctx: Context, me: Caller, query: Query) -> dict[str, Any]:
    places = {one.id: one for one in ctx.list("channel") if channels.visible(one, me)}
    found = [
        message
        for message in ctx.list("message")
        if message["_channel"] in places and not message.get("hidden") and query.finds(message, _text(message))
    ]
    return _page(ctx, query, found, lambda message: _match(ctx, query, message, places[message["_channel"]]))


def _files(ctx: Context, me: Caller, query: Query) -> dict[str, Any]:
    found = [
        file
        for file in ctx.list("file")
        if file.get("_state") != "begun"
        and files.visible(ctx, me, file)
        and query.finds(file, f"{file['name']} {file['title']} {file.get('preview', '')}")
    ]
    return _page(ctx, query, found, files.shown)


def _text(message: Mapping[str, Any]) -> str:
    """All of a message that is searched: its text, and what its blocks and attachments say."""
    parts = [str(message.get("text", ""))]
    pending: list[Any] = [message.get("blocks"), message.get("attachments")]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending += node
        elif isinstance(node, Mapping):
            parts += (
                value
                for name, value in node.items()
                if name in {"text", "title", "fallback", "pretext"} and isinstance(value, str)
            )
            pending += (value for value in node.values() if isinstance(value, list | Mapping))
    return " ".join(parts).lower()


def _page(ctx: Context, query: Query, found: list[Entity], show: Callable[[Entity], dict[str, Any]]) -> dict[str, Any]:
    """One page of what was found, best first (`sort: score`) or by time."""
    body = ctx.body
    count, page = min(int(body.get("count") or 20), MOST), int(body.get("page") or 1)
    if count < 1 or page < 1 or page > MOST:
        raise no("invalid_arguments", f"page must be between 1 and {MOST} [json-pointer:/page]")
    ordered = sorted(found, key=_time)
    if body.get("sort") != "timestamp":
        ordered.sort(key=lambda item: sum(_text(item).count(word) for word in query.words))
    if body.get("sort_dir") != "asc":
        ordered.reverse()
    total, pages, start = len(found), -(-len(found) // count), (page - 1) * count
    matches = [show(item) for item in ordered[start : start + count]]
    pagination = {"total_count": total, "page": page, "per_page": count, "page_count": pages,
                  "first": start + 1 if matches else 0, "last": start + len(matches)}  # fmt: skip
    return {"total": total, "pagination": pagination, "paging": {"count": count, "total": total, "page": page, "pages": pages},
            "matches": matches}  # fmt: skip


def _match(ctx: Context, query: Query, message: Entity, channel: Entity) -> dict[str, Any]:
    user = ctx.find("user", str(message.get("user")))
    text = str(message.get("text", ""))
    if ctx.body.get("highlight") and query.words:
        words = "|".join(re.escape(word) for word in query.words)
        text = re.sub(f"({words})", rf"{_MARKED[0]}\1{_MARKED[1]}", text, flags=re.IGNORECASE)
    place: dict[str, Any] = {
        "id": channel.id, "name": channel.get("name", message.get("user")), "is_channel": channels.kind_of(channel) == "channel",
        "is_group": channels.kind_of(channel) == "group", "is_im": bool(channel.get("is_im")), "is_mpim": bool(channel.get("is_mpim")),
        "is_private": bool(channel.get("is_private")), "is_shared": False, "is_org_shared": False, "is_ext_shared": False,
        "is_pending_ext_shared": False, "pending_shared": [],
    }  # fmt: skip
    match = {
        "iid": message["ts"].replace(".", "-"), "team": message.get("team"), "channel": place, "type": "im" if channel.get("is_im") else "message",
        "user": message.get("user"), "username": user["name"] if user is not None else message.get("username", ""), "ts": message["ts"],
        "text": text, "permalink": permalink(message), "blocks": message.get("blocks"), "attachments": message.get("attachments"),
        "files": message.get("files"),
    }  # fmt: skip
    return {name: value for name, value in match.items() if value is not None}
