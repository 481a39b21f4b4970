"""The list dialect: how lists are cut into pages and what wraps them. One class for every style, made per operation.

Styles: `cursor` (an id after which), `offset`, `page` (a number), `token` (opaque), `link` (a page number, with the
other pages' addresses in a Link header, RFC 8288) and `none`. A cursor and a token hold their place in a list that grows
or shrinks meanwhile; an offset and a page number count from its beginning.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import msgspec

from childproof.stubkit.refusal import Refusal

Style = Literal["cursor", "offset", "page", "token", "link", "none"]
_DIGITS = re.compile(r"[0-9]{1,18}")


class Source(Protocol):
    """What is listed, in the order of the reply. `lasting`: its ids are places that can be gone on from."""

    @property
    def lasting(self) -> bool:
        """See the class."""

    def window(self, *, after: str | None, before: str | None, skip: int, limit: int) -> list[dict[str, Any]]:
        """At most `limit` items: after or before an id (exclusive, nearest to it), or after `skip` items."""

    def total(self) -> int:
        """How many there are in all."""


class ListDialect(msgspec.Struct, frozen=True):
    """How one service, or one operation where nothing is written, pages its lists.

    Names are of query parameters or of reply keys (dotted); an empty name means that the service has no such thing.
    """

    style: Style = "none"
    limit_name: str = ""
    default: int = 100
    maximum: int = 100
    clamp: bool = False  # a limit out of range is the nearest one within, not refused
    cursor: str = ""
    before: str = ""
    items: str | None = None
    more: str = ""
    next: str = ""
    end: Any = None  # what `next` is on the last page
    total: str = ""
    url: str = ""
    address: str = ""  # how the document's pattern for `url` begins, where that is all it says
    link: bool = False
    links: Mapping[str, str] = msgspec.field(
        default_factory=dict
    )  # relation -> key of the reply with that page's address
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)
    newest_first: bool = True

    @property
    def parameters(self) -> frozenset[str]:
        """The query parameters that page, as opposed to those that filter."""
        return frozenset(filter(None, (self.limit_name, self.cursor, self.before)))

    def page(
        self,
        source: Source,
        query: Mapping[str, Any],
        *,
        path: str,
        id_of: Callable[[dict[str, Any]], str],
        address: Callable[[Mapping[str, Any]], str] | None = None,
    ) -> "Page":
        """One page of `source` as `query` asks. Raises Refusal for a limit out of range or a broken cursor.

        `address` gives the call's own address with other values of some parameters (None: without it).
        """
        limit = self._limit(query)
        after, before, skip = self._position(query, limit, source)
        found = source.window(after=after, before=before, skip=skip, limit=limit + 1)
        more = len(found) > limit
        if more:
            found = found[1:] if before is not None else found[:limit]
        following = self._next(found, id_of, skip, limit, source) if more else None
        pages: dict[str, str] = {}
        if address is not None and (self.link or self.links or self.style == "link"):
            if self.style in {"cursor", "token"}:
                turned = self._beside([id_of(item) for item in found], after, before, following, more=more)
            else:
                turned = self._apart(source, skip, limit, more=more)
            pages = {relation: address(changes) for relation, changes in turned.items()}
        body = self._wrap(found, source, more=more, following=following, path=path, pages=pages)
        return Page(body, found, pages if self.link or self.style == "link" else {})

    def _limit(self, query: Mapping[str, Any]) -> int:
        limit = query.get(self.limit_name, self.default) if self.limit_name else self.default
        if isinstance(limit, str) and _DIGITS.fullmatch(limit):  # a document may leave its type open
            limit = int(limit)
        if not isinstance(limit, int) or isinstance(limit, bool):
            raise Refusal.of("invalid_integer", param=self.limit_name, value=limit)
        if self.clamp:
            return min(max(limit, 1), self.maximum)
        if limit < 1:
            raise Refusal.of("too_small", param=self.limit_name, value=limit, limit=1)
        if limit > self.maximum:
            raise Refusal.of("too_large", param=self.limit_name, value=limit, limit=self.maximum)
        return limit

    def _position(self, query: Mapping[str, Any], limit: int, source: Source) -> tuple[str | None, str | None, int]:
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
                return self._token(value, source)
            case _:
                return None, None, 0

    def _number(self, value: Any, default: int) -> int:
        if value is None or value == "":
            return default
        number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
        if self.clamp and isinstance(number, int):
            return max(number, 0)
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise Refusal.of("invalid_integer", param=self.cursor, value=value)
        return number

    def _token(self, value: Any, source: Source) -> tuple[str | None, str | None, int]:
        if value is None or value == "":
            return None, None, 0
        try:
            kind, _, place = base64.urlsafe_b64decode(str(value).encode()).decode().partition(":")
            if kind == "id" and source.lasting:
                return place, None, 0
            if kind == "after" and not source.lasting:
                return None, None, int(place)
        except (ValueError, binascii.Error):
            pass
        raise Refusal.of("invalid", param=self.cursor, value=value)

    def _next(
        self, found: list[dict[str, Any]], id_of: Callable[[dict[str, Any]], str], skip: int, limit: int, source: Source
    ) -> Any:
        match self.style:
            case "cursor":
                return id_of(found[-1])
            case "offset":
                return skip + limit
            case "page" | "link":
                return skip // limit + 2
            case "token":
                place = f"id:{id_of(found[-1])}" if source.lasting else f"after:{skip + limit}"
                return base64.urlsafe_b64encode(place.encode()).decode()
            case _:
                return None

    def _beside(
        self, ids: list[str], after: str | None, before: str | None, following: Any, *, more: bool
    ) -> dict[str, dict[str, Any]]:
        """The pages that go on from an item: by relation (RFC 8288), the parameters that each has otherwise."""
        out: dict[str, dict[str, Any]] = {}
        back = {self.before: None} if self.before else {}
        if after is not None or before is not None:
            out["first"] = {self.cursor: None, **back}
        if self.before and ids and (after is not None or (before is not None and more)):
            out["prev"] = {self.cursor: None, self.before: ids[0]}
        if ids and (more or before is not None):
            out["next"] = {self.cursor: following if before is None else ids[-1], **back}
        return out

    def _apart(self, source: Source, skip: int, limit: int, *, more: bool) -> dict[str, dict[str, Any]]:
        """The pages that begin after so many items, as `_beside`."""
        if self.style == "none":
            return {}

        def at(start: int) -> dict[str, Any]:
            return {self.cursor: start if self.style == "offset" else start // limit + 1}

        out: dict[str, dict[str, Any]] = {}
        if skip:
            out["first"] = at(0)
            out["prev"] = at(max(skip - limit, 0))
        if more:
            out["next"] = at(skip + limit)
            out["last"] = at((source.total() - 1) // limit * limit)
        return out

    def _wrap(
        self,
        found: list[dict[str, Any]],
        source: Source,
        *,
        more: bool,
        following: Any,
        path: str,
        pages: Mapping[str, str],
    ) -> Any:
        if self.items is None:
            return found
        body: dict[str, Any] = dict(self.extra)
        put(body, self.items, found)
        if self.more:
            put(body, self.more, more)
        if self.url:
            put(body, self.url, path if path.startswith(self.address) else self.address)
        if self.next:
            put(body, self.next, self.end if following is None else following)
        if self.total:
            put(body, self.total, source.total())
        for relation, key in self.links.items():
            put(body, key, pages.get(relation))
        return body


class Page(msgspec.Struct, frozen=True):
    """A list reply's body, the items in it, and the addresses of other pages for a Link header, by relation."""

    body: Any
    items: list[dict[str, Any]]
    pages: Mapping[str, str]


class Listed(msgspec.Struct, frozen=True):
    """A source that is all in memory, in the order of the reply."""

    items: list[dict[str, Any]]
    id_of: Callable[[dict[str, Any]], str]
    missing: Callable[[str], Refusal]
    lasting: bool = False

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
        clamp=limit.get("clamp", inferred.clamp),
        cursor=written.get("cursor", inferred.cursor),
        before=written.get("before", inferred.before),
        items=written.get("items", inferred.items),
        more=written.get("more", inferred.more),
        next=written.get("next", inferred.next),
        end=written.get("end"),
        total=written.get("total", inferred.total),
        url=written.get("url", inferred.url),
        address=inferred.address,
        link=written.get("link", inferred.link),
        links=written.get("links", inferred.links),
        extra={**written.get("extra", {}), **inferred.extra},  # what the operation itself fixes is never overruled
        newest_first=written.get("order", "newest" if inferred.newest_first else "oldest") == "newest",
    )
