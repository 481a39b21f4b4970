"""The decorators that tie a plain function to an operation, a protocol or a scheduled job.

They only leave a mark; `behaviour.py` reads the marks when a stub is loaded and checks every one of them.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

ATTRIBUTE = "__childproof_mark__"


class Mark(msgspec.Struct, frozen=True):
    """What a function was declared to do.

    `name` is an operation (`POST /v1/…`), a protocol (`smtp`), a job's name, or the resource and field that it
    expands (`charge.refunds`), a key of the stub's section in a world file, the path of a WebSocket or gRPC method,
    or the path template of what it finds; a name of the stub's own for what it plants.
    """

    what: Literal["operation", "receives", "job", "expands", "seeds", "websocket", "rpc", "finds", "plants", "hears"]
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


def expands[F: Callable[..., Any]](resource: str, field: str) -> Callable[[F], F]:
    """Make a field that is shown only where a request asks to expand it: `@expands("charge", "refunds")`.

    The function takes the context and the entity and gives the field's value. Entities are stored without the field.
    """
    return _marking(Mark("expands", f"{resource}.{field}"))


def seeds[F: Callable[..., Any]](key: str) -> Callable[[F], F]:
    """Plant what a world file says under a key of the stub's section: `@seeds("customers")`.

    The function takes a `Seeding` to plan with and the options; their annotation (a dataclass, usually) is their format.
    """
    return _marking(Mark("seeds", key))


def finds[F: Callable[..., Any]](path: str) -> Callable[[F], F]:
    """Find what a path names by several parameters, or not by its id: `@finds("/repos/{owner}/{repo}")`.

    The function takes the context and every parameter by its name, and gives the entity or raises a Refusal. It is called
    for each operation without a function of its own whose path begins so.
    """
    return _marking(Mark("finds", path))


def plants[F: Callable[..., Any]](name: str) -> Callable[[F], F]:
    """Plant what a fresh world holds of the service, where that isn't the same in each world as in seed.yaml.

    The function takes a `SeedContext`. Functions are called in the order of their names, after seed.yaml.
    """
    return _marking(Mark("plants", name))


def hears[F: Callable[..., Any]](type: str) -> Callable[[F], F]:  # noqa: A002 - the vendors' own word
    """Hear of what the stub itself tells (`Context.emit`), in the same call: `@hears("message")`, or `@hears("*")`.

    The function takes the context, the event's type and its object: for a service whose events go other ways than one
    subscription's webhook. It isn't called for what a seeded past tells. One function for each type; its own goes before `*`.
    """
    return _marking(Mark("hears", type))


def websocket[F: Callable[..., Any]](path: str) -> Callable[[F], F]:
    """Hold a conversation: `@websocket("/rooms/{room}/live")`, the whole path as clients ask for it.

    The function takes the context, `message`, and every path parameter by its name. It is called with None for the
    message as a client connects, then for each `Message`, and with a `Close` when the client ends it.
    """
    return _marking(Mark("websocket", path))


def rpc[F: Callable[..., Any]](path: str) -> Callable[[F], F]:
    """Answer a gRPC method: `@rpc("/shop.Orders/Get")`. The function takes the context and the message."""
    return _marking(Mark("rpc", path))


def _marking[F: Callable[..., Any]](mark: Mark) -> Callable[[F], F]:
    def mark_it(function: F) -> F:
        setattr(function, ATTRIBUTE, (*getattr(function, ATTRIBUTE, ()), mark))
        return function

    return mark_it
