"""One operation of the API as a value: what is asked, what is answered, and who does it.

The table of them makes the routes, the checks of every request, and the OpenAPI document: they can't drift apart.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


class Asked(msgspec.Struct, frozen=True):
    """A request that fits its operation. `path` are the path's parameters, `headers` have lower-case names."""

    path: Mapping[str, str]
    query: Any
    body: Any
    headers: Mapping[str, str]


class Answer(msgspec.Struct, frozen=True):
    """What to send besides a plain value: another status, headers, or a body that is no JSON."""

    value: Any = None
    status: int = 0  # the operation's own
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None
    media: str = "application/json"


Handler = Callable[[Asked], Any | Awaitable[Any]]


class Operation(msgspec.Struct, frozen=True):
    """`path` has its parameters in braces. `body`, `query` and `answer` are msgspec types; None means that there is none.

    `about` is what a caller can't see from the summary. `problems` are the refusals that it may answer besides those of
    every operation, as status -> when. `media` is what is answered where that isn't JSON. `gives` says where an answer names
    what other operations ask for: a parameter of theirs -> a runtime expression of OpenAPI. `needs` are the request headers
    that it can't do without, `sends` what it answers besides a body; both name -> what it is. `tagged`: its answer has an ETag,
    and is 304 for whoever has it already.
    """

    method: str
    path: str
    id: str
    summary: str
    handler: Handler
    body: Any = None
    query: Any = Nothing
    answer: Any = None
    status: int = 200
    problems: Mapping[int, str] = msgspec.field(default_factory=dict)
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)  # request headers that it reads -> what they are
    needs: Mapping[str, str] = msgspec.field(default_factory=dict)
    sends: Mapping[str, str] = msgspec.field(default_factory=dict)
    gives: Mapping[str, str] = msgspec.field(default_factory=dict)
    tagged: bool = False
    media: str = "application/json"
    open: bool = False  # to those without a token, too
    about: str = ""


class Group(msgspec.Struct, frozen=True):
    """Operations that belong together, and what they have in common."""

    name: str
    about: str
    operations: Sequence[Operation]
