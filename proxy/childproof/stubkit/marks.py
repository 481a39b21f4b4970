"""The decorators that tie a plain function to an operation, a protocol or a scheduled job.

They only leave a mark; `behaviour.py` reads the marks when a stub is loaded and checks every one of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

ATTRIBUTE = "__childproof_mark__"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a function was declared to do: an operation (`POST /v1/…`), a protocol (`smtp`) or a job's name."""

    what: Literal["operation", "receives", "job"]
    name: str


def operation[F: Callable[..., Any]](name: str) -> Callable[[F], F]:
    """Answer an operation: `@operation("POST /v1/charges/{charge}/capture")`, as the OpenAPI document spells it.

    The function takes the context, then every path parameter by its name (braces' content, or `id` for the last).
    """
    return _marking(Mark("operation", name))


def receives[F: Callable[..., Any]](protocol: str) -> Callable[[F], F]:
    """Take whole messages of a protocol: `@receives("smtp")`. The function takes the context alone."""
    return _marking(Mark("receives", protocol))


def job[F: Callable[..., Any]](name: str) -> Callable[[F], F]:
    """Do work that `Context.schedule` put off: `@job("expire")`. The function takes the context and the payload."""
    return _marking(Mark("job", name))


def _marking[F: Callable[..., Any]](mark: Mark) -> Callable[[F], F]:
    def mark_it(function: F) -> F:
        setattr(function, ATTRIBUTE, (*getattr(function, ATTRIBUTE, ()), mark))
        return function

    return mark_it
