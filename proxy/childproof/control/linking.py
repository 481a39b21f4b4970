"""OpenAPI links: what an answer names is what other operations ask for, so that a client can go on from it."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from .operation import Operation

_PARAMETER = re.compile(r"\{(\w+)\}")


def parameters(operation: Operation) -> list[str]:
    """The names of the parameters in its path."""
    return _PARAMETER.findall(operation.path)


def links(operation: Operation, operations: Sequence[Operation]) -> dict[str, Any]:
    """From an operation's answer to all that can be asked with what it gives, and with what itself was asked with."""
    return {name: link for name, link in _links(operation, operations) if link}


def _links(operation: Operation, operations: Sequence[Operation]) -> Iterator[tuple[str, dict[str, Any]]]:
    known = {name: f"$request.path.{name}" for name in parameters(operation)} | dict(operation.gives)
    for other in operations:
        wanted = parameters(other)
        if (
            other is operation
            or not set(wanted) <= set(known)
            or not (set(wanted) | set(other.needs)) & set(operation.gives)
        ):
            continue
        with_headers = {name: operation.gives[name] for name in other.needs if name in operation.gives}
        if any(name not in with_headers for name in other.needs) and not set(wanted) & set(operation.gives):
            continue
        asked = {name: known[name] for name in wanted} | {
            f"header.{name}": value for name, value in with_headers.items()
        }
        yield other.id, {"operationId": other.id, "parameters": asked, "description": other.summary}
