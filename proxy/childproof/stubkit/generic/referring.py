"""References among entities: an id must be that of something, and what becomes of those who hold the id of what ends."""

from collections.abc import Iterator, Mapping
from typing import Any

from childproof.stubkit.context.context import Context
from childproof.stubkit.declared.resources import Resource
from childproof.stubkit.service import Service

Place = tuple[str | int, ...]


def check_refs(ctx: Context, service: Service, resource: Resource, body: Mapping[str, Any]) -> None:
    """Refuse a body that refers to what isn't there, in the service's words, naming the parameter: `items[0][product]`."""
    for name, target in resource.refs.items():
        for place, value in held(body, name):
            ctx.get(target, str(value), param=service.errors.parameter(place))


def held(value: Any, path: str) -> Iterator[tuple[Place, str | int]]:
    """The ids at a dotted path, through lists and in them, each with its place. Objects in place of ids are none."""
    yield from _held(value, path.split("."), ())


def _held(node: Any, steps: list[str], above: Place) -> Iterator[tuple[Place, str | int]]:
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from _held(item, steps, (*above, number))
    elif steps:
        if isinstance(node, Mapping):
            yield from _held(node.get(steps[0]), steps[1:], (*above, steps[0]))
    elif isinstance(node, str | int) and not isinstance(node, bool) and node != "":
        yield above, node
