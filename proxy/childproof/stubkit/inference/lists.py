"""How one list operation pages: from its query parameters, its reply's keys and its reply's headers."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from childproof.stubkit.document.naming import folded
from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.shape import constant, properties, types
from childproof.stubkit.reply.lists import ListDialect, Style

_LIMITS = (
    "limit", "perpage", "pagesize", "maxresults", "maxitems", "count", "first", "take", "size", "top", "rows", "pagelimit",
    "numresults", "results", "maxrecords", "pagelength", "itemsperpage",
)  # fmt: skip
_CURSORS: tuple[tuple[Style, tuple[str, ...]], ...] = (
    ("cursor", ("startingafter", "after", "cursor", "afterid", "startafter", "sinceid")),
    (
        "token",
        ("pagetoken", "nexttoken", "continuationtoken", "nextpagetoken", "continue", "pagingtoken", "nextcursor"),
    ),
    ("offset", ("offset", "skip", "start", "startat", "startindex", "from")),
    ("page", ("page", "pagenumber", "pageno", "pageindex", "currentpage", "pagenum")),
)
_BEFORE = ("endingbefore", "before", "beforeid")
_MORE = ("hasmore", "more", "hasnext", "hasnextpage", "moreresults")
_NEXT = ("nextcursor", "nextpagetoken", "nexttoken", "endcursor", "next", "continuationtoken", "cursor", "continue")
_TOTAL = ("total", "totalcount", "totalresults", "totalitems", "totalrecords", "totalelements", "count", "totalsize")
_META = frozenset(
    {"meta", "metadata", "pagination", "paging", "pageinfo", "responsemetadata", "pageable", "page", "links", "cursors"}
)


def list_dialect_of(api: OpenApi, operation: Operation, items: str | None) -> ListDialect:
    """The list dialect of one operation whose reply has its items under the key `items` (dotted; None: it is the list)."""
    names = {
        folded(str(p.get("name"))): p
        for p in operation.parameters
        if p.get("in") == "query" and "[" not in str(p.get("name"))
    }
    limit = next((names[name] for name in _LIMITS if name in names and _number(api, names[name])), None)
    style, cursor = _cursor(api, names)
    known = dict(_keys(api, operation.reply_schema or {})) if items is not None else {}
    following = _key(known, _NEXT)
    following = following if _holds(api, known, following, style) else ""
    if style == "cursor" and folded(cursor) == "cursor" and following:
        style = "token"
    if style == "page" and "link" in operation.reply_headers:
        style = "link"
    maximum = _bound(api, limit, "maximum", 100 if limit else 1_000_000)
    total = _key(known, _TOTAL)
    more = _key(known, _MORE)
    return ListDialect(
        style=style,
        limit_name=str(limit["name"]) if limit is not None else "",
        default=min(_bound(api, limit, "default", 20 if limit else maximum), maximum),
        maximum=maximum,
        cursor=cursor,
        before=next((str(names[name]["name"]) for name in _BEFORE if name in names), "") if style == "cursor" else "",
        items=items,
        more=more if more and "boolean" in types(api, known[more]) else "",
        next=following,
        total=total if total and {"integer", "number"} & set(types(api, known[total])) else "",
        url="url" if "url" in known and items != "url" else "",
        address=_address(api, known),
        extra={
            name: only[0] for name, value in known.items() if "." not in name and (only := constant(api.resolve(value)))
        },
    )


def _address(api: OpenApi, known: Mapping[str, Any]) -> str:
    """The path that a list says it lives at, where the document's pattern is plain: `^/v1/things`."""
    pattern = str(api.resolve(known["url"]).get("pattern", "")) if "url" in known else ""
    plain = pattern.removeprefix("^")
    return plain if pattern.startswith("^/") and re.fullmatch(r"[\w/.-]+", plain) else ""


def _cursor(api: OpenApi, names: Mapping[str, Any]) -> tuple[Style, str]:
    for style, wanted in _CURSORS:
        for name in wanted:
            if name in names and (style not in {"offset", "page"} or _number(api, names[name])):
                return style, str(names[name]["name"])
    return "none", ""


def _number(api: OpenApi, parameter: Mapping[str, Any]) -> bool:
    kinds = types(api, parameter.get("schema") or {})
    return not kinds or bool({"integer", "number"} & set(kinds)) or kinds == ("string",)


def _bound(api: OpenApi, parameter: Mapping[str, Any] | None, word: str, default: int) -> int:
    value = api.resolve(parameter.get("schema") or {}).get(word) if parameter is not None else None
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 1 else default


def _keys(api: OpenApi, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The keys of a list reply, and (dotted) those of what in it tells of pages."""
    for name, value in properties(api, schema).known.items():
        if "." in name:
            continue  # `@odata.count`: a dot leads into an object here
        yield name, value
        if folded(name) in _META and "object" in types(api, value):
            for inner, node in properties(api, value).known.items():
                yield f"{name}.{inner}", node
                if folded(inner) in {"pagination", "cursors", "paging"} and "object" in types(api, node):
                    yield from ((f"{name}.{inner}.{key}", one) for key, one in properties(api, node).known.items())


def _key(known: Mapping[str, Any], wanted: tuple[str, ...]) -> str:
    spelled: dict[str, str] = {}
    for name in known:
        spelled.setdefault(folded(name.rpartition(".")[2]), name)
    return next((spelled[name] for name in wanted if name in spelled), "")


def _holds(api: OpenApi, known: Mapping[str, Any], key: str, style: Style) -> bool:
    """Whether a key can hold what comes next: text for tokens and cursors, a number for offsets and pages."""
    if not key:
        return False
    node = api.resolve(known[key])
    kinds = set(types(api, node)) - {"null"}
    if node.get("format") in {"uri", "url"} or "object" in kinds:
        return False
    wanted = {"integer", "number"} if style in {"offset", "page", "link"} else {"string"}
    return not kinds or bool(kinds & wanted)
