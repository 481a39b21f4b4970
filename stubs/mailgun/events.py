"""Events: listed by time with filters, page after page; counted by day; and as logs."""

import base64
import binascii
import json
import re
from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import common
from .common import wrong

MOST = 300
_WORDS = {"from": "from", "to": "to", "subject": "subject", "message-id": "message-id"}
_DAY = 86_400


@operation("GET /v3/{domain_name}/events")
def listed(ctx: Context, domain_name: str) -> dict[str, Any]:
    """The first page, the newest first unless it says otherwise."""
    common.domain(ctx, domain_name)
    query = {name: value for name, value in ctx.query.items() if value is not None}
    limit = int(query.get("limit") or 100)
    if not 1 <= limit <= MOST:
        raise wrong(f"limit must be between 1 and {MOST}")
    begin, end = (_time(query, name) for name in ("begin", "end"))
    ascending = common.yes(query.get("ascending"), default=begin is not None and end is not None and begin < end)
    low, high = (begin, end) if ascending else (end, begin)
    if begin is not None and end is not None and low is not None and high is not None and low > high:
        low, high = high, low
    asked = {
        "limit": limit, "ascending": ascending, "low": low, "high": high, "skip": 0,
        "filter": {name: value for name, value in query.items() if name not in {"limit", "ascending", "begin", "end"}},
    }  # fmt: skip
    return _page(ctx, domain_name, asked)


@operation("GET /v3/{domain_name}/events/{page}")
def further(ctx: Context, domain_name: str, page: str) -> dict[str, Any]:
    """The page that another one named."""
    common.domain(ctx, domain_name)
    try:
        asked = json.loads(base64.urlsafe_b64decode(page + "=" * (-len(page) % 4)))
        limit = min(max(int(asked["limit"]), 1), MOST)
        return _page(ctx, domain_name, {**asked, "skip": max(int(asked["skip"]), 0), "limit": limit})
    except (ValueError, binascii.Error, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise wrong("Bad Request: invalid page token") from None


@operation("GET /v3/{domain_name}/stats/total")
def totals(ctx: Context, domain_name: str) -> dict[str, Any]:
    """How much was sent and what became of it, day by day."""
    common.domain(ctx, domain_name)
    return _stats(ctx, ctx.list("event", newest_first=False), domain_name.lower())


@operation("GET /v3/stats/total")
def account_totals(ctx: Context) -> dict[str, Any]:
    """The same for all domains."""
    return _stats(ctx, ctx.list("event", newest_first=False), "")


@operation("GET /v3/{domain_name}/tags/{tag}/stats")
def of_tag(ctx: Context, domain_name: str, tag: str) -> dict[str, Any]:
    """The same for one tag."""
    common.domain(ctx, domain_name)
    found = [one for one in ctx.list("event", newest_first=False) if tag in one["tags"]]
    return {"tag": tag, "description": "", **_stats(ctx, found, domain_name.lower())}


@operation("POST /v1/analytics/logs")
def logs(ctx: Context) -> dict[str, Any]:
    """Events of all domains, by their kind and by what a filter says of domain, recipient or tag."""
    body: Any = ctx.body
    wanted, asked = body.get("events") or [], body.get("pagination") or {}
    told = body.get("filter") or {}
    filters = told.get("AND") or [] if isinstance(told, dict) else []
    if not isinstance(filters, list) or not all(isinstance(one, dict) for one in (asked, *filters)):
        raise wrong("Invalid request body: expected `filter.AND` to be a list of conditions")
    found = [
        one
        for one in ctx.list("event")
        if (not wanted or one["event"] in wanted) and all(_meets(one, each) for each in filters)
    ]
    if str(asked.get("sort", "")).endswith(":asc"):
        found.reverse()
    limit = asked.get("limit") or 100
    limit = min(limit, 100) if isinstance(limit, int) and limit > 0 else 100
    kinds = sorted({one["event"] for one in found})
    start, now = _time(body, "start"), common.written(ctx.now_ms())
    return {
        "start": common.written(int(start * 1000)) if start is not None else common.written(ctx.now_ms() - _DAY * 1000),
        "end": str(body.get("end") or now),
        "items": [_shown(one) for one in found[:limit]],
        "pagination": {"previous": "", "next": "", "first": "", "last": "", "total": len(found)},
        "aggregates": {
            "all": len(found),
            "metrics": {kind: sum(one["event"] == kind for one in found) for kind in kinds},
        },
    }  # fmt: skip


def _page(ctx: Context, domain_name: str, asked: dict[str, Any]) -> dict[str, Any]:
    found = [
        _shown(one)
        for one in ctx.list("event", newest_first=not asked["ascending"])
        if one["domain"]["name"] == domain_name.lower() and _fits(one, asked)
    ]
    skip, limit = asked["skip"], asked["limit"]
    shown = found[skip : skip + limit]

    def at(place: int) -> str:
        token = base64.urlsafe_b64encode(json.dumps({**asked, "skip": max(place, 0)}).encode()).decode().rstrip("=")
        return f"https://{ctx.call.host}/v3/{domain_name}/events/{token}"

    last = (len(found) - 1) // limit * limit if found else 0
    paging = {"first": at(0), "next": at(skip + len(shown)), "previous": at(skip - limit), "last": at(last)}
    return {"items": shown, "paging": paging}


def _fits(event: Entity, asked: dict[str, Any]) -> bool:
    low, high = asked["low"], asked["high"]
    if (low is not None and event["timestamp"] < low) or (high is not None and event["timestamp"] > high):
        return False
    return all(_matches(event, name, str(text)) for name, text in asked["filter"].items())


def _matches(event: Entity, name: str, text: str) -> bool:
    """Whether an event meets a filter: words with OR, AND and NOT between them, whatever their case."""
    if name in {"event", "severity", "recipient"}:
        known = [str(event.get(name, ""))]
    elif name == "tags":
        known = event["tags"]
    elif name in _WORDS:
        known = [str(event["message"]["headers"].get(_WORDS[name], ""))]
    elif name == "list":
        known = [event.get("mailing-list", {}).get("address", "")]
    elif name == "attachment":
        known = [one["filename"] for one in event["message"]["attachments"]]
    elif name == "size":
        known = [str(event["message"]["size"])]
    else:
        return True
    exact = name in {"event", "severity", "recipient", "tags", "size"}
    held = [one.lower() for one in known]

    def has(word: str) -> bool:
        word = word.strip().strip('"<>').lower()
        return word in held if exact else any(word in one for one in held)

    if len(text) > common.LONGEST:
        raise wrong(f"'{name}' parameter is too long")
    plain = text.replace("(", " ").replace(")", " ")
    return any(
        all(not has(word[4:]) if word.startswith("NOT ") else has(word) for word in map(str.strip, re.split(r"\s+AND\s+", each)))
        for each in re.split(r"\s+OR\s+", plain)
    )  # fmt: skip


def _meets(event: Entity, each: dict[str, Any]) -> bool:
    known = {
        "domain": event["domain"]["name"], "recipient": event["recipient"], "tag": event["tags"], "event": event["event"],
        "recipient_domain": event["recipient-domain"], "subject": event["message"]["headers"]["subject"],
    }.get(str(each.get("attribute")))  # fmt: skip
    if known is None:
        return True
    held = [known] if isinstance(known, str) else known
    values = [str(one.get("value", one) if isinstance(one, dict) else one) for one in each.get("values") or ()]
    found = any(value in held for value in values)
    return not found if each.get("comparator") == "!=" else found


def _stats(ctx: Context, events: list[Entity], domain: str) -> dict[str, Any]:
    wanted = {value for name, value in _pairs(ctx) if name == "event"} or {"accepted", "delivered", "failed"}
    end = _time(ctx.query, "end") or ctx.now_ms() / 1000
    duration = re.fullmatch(r"(\d{1,5})([hdm])", str(ctx.query.get("duration") or ""))
    back = int(duration[1]) * {"h": 3600, "d": _DAY, "m": 30 * _DAY}[duration[2]] if duration else 7 * _DAY
    start = end - back if duration else _time(ctx.query, "start") or end - back
    days = range(int(start) // _DAY, int(end) // _DAY + 1)
    if days.stop - days.start > 366:
        raise wrong("the period is too long: at most a year")
    stats = []
    for day in days:
        own = [
            one
            for one in events
            if int(one["timestamp"]) // _DAY == day and (not domain or one["domain"]["name"] == domain)
        ]
        row: dict[str, Any] = {"time": common.written(day * _DAY * 1000)}
        for kind in sorted(wanted):
            of_kind = [one for one in own if one["event"] == kind]
            if kind == "failed":
                permanent = [one for one in of_kind if one.get("severity") == "permanent"]
                suppressed = [one for one in permanent if str(one.get("reason")).startswith("suppress")]
                told = {
                    "bounce": len(permanent) - len(suppressed), "total": len(permanent),
                    **{f"suppress-{what}": sum(one["reason"] == f"suppress-{what}" for one in suppressed) for what in ("bounce", "unsubscribe", "complaint")},
                }  # fmt: skip
                row[kind] = {"temporary": {"espblock": len(of_kind) - len(permanent)}, "permanent": told}
            elif kind == "accepted":
                row[kind] = {"incoming": 0, "outgoing": len(of_kind), "total": len(of_kind)}
            elif kind == "delivered":
                row[kind] = {"smtp": len(of_kind), "http": 0, "total": len(of_kind)}
            else:
                row[kind] = {"total": len(of_kind)}
        stats.append(row)
    shown = {"start": common.written(int(start * 1000)), "end": common.written(int(end * 1000))}
    return {**shown, "resolution": "day", "stats": stats}


def _pairs(ctx: Context) -> list[tuple[str, str]]:
    return [tuple(one.split("=", 1)) for one in ctx.call.query.split("&") if "=" in one]  # type: ignore[misc]  # two parts each


def _time(query: Any, name: str) -> float | None:
    """A time of a query in unix seconds. Raises Mailgun's refusal of what is none."""
    given = query.get(name)
    if not given:
        return None
    at = common.read_time(str(given))
    if at is None:
        raise wrong(f"'{name}' parameter is not a valid date")
    return at / 1000


def _shown(event: Entity) -> dict[str, Any]:
    """An event with what it has and nothing else."""
    return {name: value for name, value in event.items() if value not in ("", None, {})}
