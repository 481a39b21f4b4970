"""One operation of the API as a value: what is asked, what is answered, and who does it.

The table of them makes the routes, the checks of every request, and the OpenAPI document: they can't drift apart.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that fits its operation. `path` are the path's parameters, `headers` have lower-case names."""

    path: Mapping[str, str]
    query: Any
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send besides a plain value: another status, headers, or a body that is no JSON."""

    value: Any = None
    status: int = 0  # the operation's own
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None
    media: str = "application/json"


Handler = Callable[[Asked], Any | Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """`path` has its parameters in braces. `body`, `query` and `answer` are msgspec types; None means that there is none.

    `problems` are the refusals that it may answer besides those of every operation, as status -> when. `media` is what is
    answered where that isn't JSON.
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
    problems: Mapping[int, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # request headers that it reads -> what they are
    media: str = "application/json"
    open: bool = False  # to those without a token, too
