"""The list dialect: how lists are cut into pages and what wraps them. One class for every style, made per operation.

Styles: `cursor` (an id after which), `offset`, `page` (a number), `token` (opaque), `link` (a page number, with the
next one in a Link header, RFC 8288) and `none`.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from .refusal import Refusal

Style = Literal["cursor", "offset", "page", "token", "link", "none"]


class Source(Protocol):
    """What is listed, in the order of the reply."""

    def window(self, *, after: str | None, before: str | None, skip: int, limit: int) -> list[dict[str, Any]]:
        """At most `limit` items: after or before an id (exclusive, nearest to it), or after `skip` items."""

    def total(self) -> int:
        """How many there are in all."""


@dataclass(frozen=True, slots=True)
class ListDialect:
    """How one service, or one operation where nothing is written, pages its lists.

    Names are of query parameters or of reply keys (dotted); an empty name means that the service has no such thing.
    """

    style: Style = "none"
    limit_name: str = ""
    default: int = 100
    maximum: int = 100
    cursor: str = ""
    before: str = ""
    items: str | None = None
    more: str = ""
    next: str = ""
    total: str = ""
    url: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    newest_first: bool = True

    @property
    def parameters(self) -> frozenset[str]:
        """The query parameters that page, as opposed to those that filter."""
        return frozenset(filter(None, (self.limit_name, self.cursor, self.before)))

    def page(
        self, source: Source, query: Mapping[str, Any], *, path: str, id_of: Callable[[dict[str, Any]], str]
    ) -> "Page":
        """One page of `source` as `query` asks. Raises Refusal for a limit out of range or a broken cursor."""
        limit = self._limit(query)
        after, before, skip = self._position(query, limit)
        found = source.window(after=after, before=before, skip=skip, limit=limit + 1)
        more = len(found) > limit
        if more:
            found = found[1:] if before is not None else found[:limit]
        following = self._next(found, id_of, skip, limit) if more else None
        return Page(self._wrap(found, source, more=more, following=following, path=path), found, following)

    def _limit(self, query: Mapping[str, Any]) -> int:
        limit = query.get(self.limit_name, self.default) if self.limit_name else self.default
        if not isinstance(limit, int) or isinstance(limit, bool):
            raise Refusal.of("invalid_integer", param=self.limit_name, value=limit)
        if limit < 1:
            raise Refusal.of("too_small", param=self.limit_name, value=limit, limit=1)
        if limit > self.maximum:
            raise Refusal.of("too_large", param=self.limit_name, value=limit, limit=self.maximum)
        return limit

    def _position(self, query: Mapping[str, Any], limit: int) -> tuple[str | None, str | None, int]:
        value = query.get(self.cursor) if self.cursor else None
        before = query.get(self.before) if self.before else None
        match self.style:
            case "cursor":
                after = str(value) if value not in {None, ""} else None
                return after, str(before) if before not in {None, ""} and after is None else None, 0
            case "offset":
                return None, None, self._number(value, 0)
            case "page" | "link":
                return None, None, (max(self._number(value, 1), 1) - 1) * limit
            case "token":
                return None, None, self._token(value)
            case _:
                return None, None, 0

    def _number(self, value: Any, default: int) -> int:
        if value is None or value == "":
            return default
        number = int(value) if isinstance(value, str) and value.isdigit() else value
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise Refusal.of("invalid_integer", param=self.cursor, value=value)
        return number

    def _token(self, value: Any) -> int:
        if value is None or value == "":
            return 0
        try:
            return int(base64.urlsafe_b64decode(str(value).encode()).decode().removeprefix("after:"))
        except (ValueError, binascii.Error):
            raise Refusal.of("invalid", param=self.cursor, value=value) from None

    def _next(self, found: list[dict[str, Any]], id_of: Callable[[dict[str, Any]], str], skip: int, limit: int) -> Any:
        match self.style:
            case "cursor":
                return id_of(found[-1])
            case "offset":
                return skip + limit
            case "page" | "link":
                return skip // limit + 2
            case "token":
                return base64.urlsafe_b64encode(f"after:{skip + limit}".encode()).decode()
            case _:
                return None

    def _wrap(self, found: list[dict[str, Any]], source: Source, *, more: bool, following: Any, path: str) -> Any:
        if self.items is None:
            return found
        body: dict[str, Any] = dict(self.extra)
        put(body, self.items, found)
        if self.more:
            put(body, self.more, more)
        if self.url:
            put(body, self.url, path)
        if self.next:
            put(body, self.next, following)
        if self.total:
            put(body, self.total, source.total())
        return body


@dataclass(frozen=True, slots=True)
class Page:
    """A list reply's body, the items in it, and the next cursor (None on the last page) for a Link header."""

    body: Any
    items: list[dict[str, Any]]
    following: Any


@dataclass(frozen=True, slots=True)
class Listed:
    """A source that is all in memory, in the order of the reply."""

    items: list[dict[str, Any]]
    id_of: Callable[[dict[str, Any]], str]
    missing: Callable[[str], Refusal]

    def window(self, *, after: str | None, before: str | None, skip: int, limit: int) -> list[dict[str, Any]]:
        """See Source."""
        if after is not None:
            start = self._place(after) + 1
            return self.items[start : start + limit]
        if before is not None:
            end = self._place(before)
            return self.items[max(0, end - limit) : end]
        return self.items[skip : skip + limit]

    def total(self) -> int:
        """See Source."""
        return len(self.items)

    def _place(self, wanted: str) -> int:
        for place, item in enumerate(self.items):
            if self.id_of(item) == wanted:
                return place
        raise self.missing(wanted)


def put(body: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key: `meta.next` goes into the mapping `meta`."""
    *outer, last = key.split(".")
    for step in outer:
        body = body.setdefault(step, {})
    body[last] = value


def list_dialect(written: Mapping[str, Any], inferred: ListDialect) -> ListDialect:
    """What stub.yaml writes under `dialect.lists`, the rest as inferred."""
    limit = written.get("limit", {})
    style: Style = written.get("style", inferred.style)
    maximum = limit.get("max", inferred.maximum)
    return ListDialect(
        style=style,
        limit_name=limit.get("name", inferred.limit_name or ("limit" if "limit" in written else "")),
        default=limit.get("default", min(inferred.default, maximum)),
        maximum=maximum,
        cursor=written.get("cursor", inferred.cursor),
        before=written.get("before", inferred.before),
        items=written.get("items", inferred.items),
        more=written.get("more", inferred.more),
        next=written.get("next", inferred.next),
        total=written.get("total", inferred.total),
        url=written.get("url", inferred.url),
        extra={**written.get("extra", {}), **inferred.extra},  # what the operation itself fixes is never overruled
        newest_first=written.get("order", "newest" if inferred.newest_first else "oldest") == "newest",
    )
