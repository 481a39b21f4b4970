"""A stub's declarations, compiled: what `stub.yaml` says, as values that the operations of a call can use at once."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from childproof.stubkit.ids import IdMaker, compile_id, has_placeholder
from childproof.stubkit.request.arguments import Procedures, procedures

_DURATION = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_ECHO = re.compile(r"\{echo(?::([^{}]*))?\}")
Time = Literal["unix", "unix_ms", "rfc3339"]


class Idempotency(msgspec.Struct, frozen=True):
    """Which header carries the key, for which methods, and what a replayed reply says besides.

    `errors` are the refusals of an operation that are kept as well: `all`, `none`, or `client` for those below 500. After
    `expires` milliseconds of the world (0: never) a key is new again.
    """

    header: str
    methods: frozenset[str] = frozenset({"POST"})
    conflict: int | None = None
    replay_headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    errors: Literal["all", "client", "none"] = "all"
    expires: int = 0

    def keeps(self, status: int) -> bool:
        """Whether a reply of this status is given again."""
        return status < 400 or self.errors == "all" or (self.errors == "client" and status < 500)


class RateLimit(msgspec.Struct, frozen=True):
    """How many calls a window of `per` milliseconds takes, and the headers that tell of it.

    `by` says what is counted apart (`token`, `endpoint`); `only` are the operations that count, all where it is empty, but for
    those that are `exempt`; `whose` are the callers that count.
    """

    calls: int
    per: int
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    by: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    exempt: frozenset[str] = frozenset()
    whose: Literal["", "known", "anonymous"] = ""
    free: frozenset[int] = frozenset()  # statuses of replies that don't count
    name: str = ""

    def counts(self, endpoint: str, token: str) -> bool:
        """Whether a call of an operation by a token ("" for none) is one of those that are counted."""
        if (self.only and endpoint not in self.only) or endpoint in self.exempt:
            return False
        return not self.whose or (self.whose == "known") == bool(token)


class Etags(msgspec.Struct, frozen=True):
    """Conditional requests: whether tags are weak, dates are told, and which methods must say what they depend on."""

    weak: bool = False
    dates: bool = True
    required: frozenset[str] = frozenset()
    of_reply: bool = False  # a tag stands for the reply's bytes, so nothing but reading has one


class Tenants(msgspec.Struct, frozen=True):
    """Which header names a tenant, and what it names: an entity of `resource`, or `own`, which is nobody in particular.

    Or the `host` does, by the first group of a pattern; then it may be no entity.

    Entities of the `shared` resources are the same for all.
    """

    header: str
    resource: str
    own: str = ""
    shared: frozenset[str] = frozenset()
    host: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class HeaderTemplate:
    """A reply header: fixed text, an id template, or an echo of the request's header of the same name."""

    name: str
    make: IdMaker | None
    text: str = ""
    echo: bool = False
    is_request_id: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_request_id", "requestid" in self.name.lower().replace("-", ""))


class Settings(msgspec.Struct, frozen=True):
    """The dialect besides errors and lists, which have modules of their own."""

    body: Literal["json", "json-always", "form"] = "json"
    time: Time = "unix"
    time_written: bool = False
    ids: str = "{prefix}_{alnum:14}"
    refuse_unknown: bool = False
    empty_unsets: bool = False
    metadata: str = ""
    dots: bool = False
    dotted_forms: bool = False
    indent: int = 0
    content_type: str = "application/json"
    expand: str = ""
    expand_depth: int = 4
    idempotency: Idempotency | None = None
    headers: tuple[HeaderTemplate, ...] = ()
    rate_limits: tuple[RateLimit, ...] = ()
    etags: Etags | None = None
    unknown_ids: Literal["refuse", "synthesize"] = "refuse"
    tenants: Tenants | None = None
    procedures: Procedures | None = None


def settings(dialect: Mapping[str, Any], *, inferred_body: Literal["json", "form"] = "json") -> Settings:
    """Compile the mapping under `dialect`. Raises ValueError for a broken template."""
    expand = dialect.get("expand", {})
    keys = dialect.get("idempotency")
    rate = dialect.get("rate_limit", [])
    etags = dialect.get("etags", False)
    tenants = dialect.get("tenants")
    return Settings(
        body=dialect.get("body", inferred_body),
        time=dialect.get("time", "unix"),
        time_written="time" in dialect,
        ids=dialect.get("ids", "{prefix}_{alnum:14}"),
        refuse_unknown=dialect.get("unknown_parameters") == "refuse",
        empty_unsets=bool(dialect.get("empty_unsets", False)),
        metadata=dialect.get("metadata", ""),
        dots=dialect.get("parameter_style", "brackets") == "dots",
        dotted_forms=dialect.get("forms") == "dots",
        indent=int(dialect.get("indent", 0)),
        content_type=dialect.get("content_type", "application/json"),
        expand=expand.get("parameter", "expand") if "expand" in dialect else "",
        expand_depth=int(expand.get("depth", 4)),
        procedures=procedures(dialect.get("procedures")),
        idempotency=None
        if keys is None
        else Idempotency(
            keys["header"],
            frozenset(keys.get("methods", ["POST"])),
            keys.get("conflict"),
            keys.get("replay_headers", {}),
            keys.get("errors", "all"),
            duration(keys["expires"]) if "expires" in keys else 0,
        ),
        headers=tuple(header_template(name, text) for name, text in dialect.get("headers", {}).items()),
        unknown_ids=dialect.get("unknown_ids", "refuse"),
        rate_limits=tuple(_rate(one) for one in (rate if isinstance(rate, list) else [rate])),
        etags=None
        if etags is False
        else Etags()
        if etags is True
        else Etags(
            etags.get("weak", False),
            etags.get("dates", True),
            frozenset(etags.get("required", ())),
            etags.get("of") == "reply",
        ),
        tenants=None
        if tenants is None
        else Tenants(
            tenants.get("header", ""),
            tenants.get("resource", ""),
            tenants.get("own", ""),
            frozenset({tenants.get("resource", ""), *tenants.get("shared", ())}),
            re.compile(tenants["host"]) if "host" in tenants else None,
        ),
    )


def _rate(written: Mapping[str, Any]) -> RateLimit:
    return RateLimit(
        written["calls"],
        duration(written["per"]),
        written.get("headers", {}),
        frozenset(written.get("by", ())),
        frozenset(written.get("only", ())),
        frozenset(written.get("except", ())),
        written.get("for", ""),
        frozenset(written.get("free", ())),
        written.get("name", ""),
    )


def header_template(name: str, text: str) -> HeaderTemplate:
    """Compile one entry of `dialect.headers`. Raises ValueError for an unknown placeholder."""
    echo = _ECHO.fullmatch(text)
    if echo is not None:
        return HeaderTemplate(name, None, echo[1] or "", echo=True)
    if has_placeholder(text) or "{" in text:
        return HeaderTemplate(name, compile_id(text))
    return HeaderTemplate(name, None, text)


def duration(text: str) -> int:
    """`250ms`, `30s`, `5m`, `2h`, `1d` in milliseconds. The schema has checked the form."""
    unit = "ms" if text.endswith("ms") else text[-1]
    return int(text.removesuffix(unit)) * _DURATION[unit]


def fill(template: str, values: Mapping[str, Any]) -> str:
    """A header template with `{name}` replaced by each value."""
    for name, value in values.items():
        template = template.replace("{" + name + "}", str(value))
    return template


def literal(value: Any) -> Callable[[], Any]:
    """A function that gives a fresh copy of a JSON value each time."""
    if isinstance(value, dict):
        inner = {key: literal(item) for key, item in value.items()}
        return lambda: {key: make() for key, make in inner.items()}
    if isinstance(value, list):
        items = [literal(item) for item in value]
        return lambda: [make() for make in items]
    return lambda: value
