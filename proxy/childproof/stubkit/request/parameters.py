"""What a request says outside of query and body: parameters in the path, in headers and cookies, checked by their schemas.

Headers that OpenAPI leaves to other parts of a document (Accept, Content-Type, Authorization) are none of these.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from childproof.model import Call
from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.shape import types
from childproof.stubkit.reply.errors import ErrorDialect

from .coercion import Coercer, coercer
from .complaint import complaints
from .conversion import Validator, validator
from .request import refused

_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
_PLAIN = frozenset({"string", "integer", "number", "boolean", "array"})


class _Place(msgspec.Struct, frozen=True):
    """The parameters of one place: their names as the document spells them, which of them are lists."""

    names: tuple[str, ...]
    lists: frozenset[str]
    check: Validator
    coerce: Coercer


class OuterReader(msgspec.Struct, frozen=True):
    """Checks the parameters of one operation that are neither in the query nor in the body."""

    errors: ErrorDialect
    places: Mapping[str, _Place]

    def check(self, call: Call, path: Mapping[str, str]) -> None:
        """Raise the service's refusal of what is wrong, missing, of another type or none of the choices."""
        for where, place in self.places.items():
            given = _given(call, path, where, place)
            value = place.coerce(
                {name: text.split(",") if name in place.lists else text for name, text in given.items()}
            )
            if not place.check.is_valid(value):
                raise refused(complaints(place.check, value), self.errors, self.errors.parameter)


def outer_reader(api: OpenApi, operation: Operation, errors: ErrorDialect, token: str = "") -> OuterReader | None:
    """Compile the checks of one operation; None where there is nothing to check. `token` is the one that is the key."""
    found: dict[str, list[dict[str, Any]]] = {}
    for parameter in operation.parameters:
        where, name = parameter.get("in"), str(parameter.get("name", ""))
        node = parameter.get("schema")
        if (
            where not in {"path", "header", "cookie"}
            or not isinstance(node, dict)
            or name.lower() in {*_NOT_PARAMETERS, token}
        ):
            continue
        if where == "path" and not _tells(api, node):
            continue  # any text may be an id: whether it is one, the world knows
        if set(types(api, node)) <= _PLAIN | {"null"}:
            found.setdefault(str(where), []).append({**parameter, "schema": node})
    places = {where: _place(api, parameters) for where, parameters in found.items()}
    return OuterReader(errors, places) if places else None


def _place(api: OpenApi, parameters: list[dict[str, Any]]) -> _Place:
    schema = {
        "type": "object",
        "properties": {str(one["name"]): one["schema"] for one in parameters},
        "required": [str(one["name"]) for one in parameters if one.get("required")],
    }
    return _Place(
        names=tuple(schema["properties"]),
        lists=frozenset(str(one["name"]) for one in parameters if "array" in types(api, one["schema"])),
        check=validator(api, schema, refuse_unknown=False),
        coerce=coercer(api, schema),
    )


def _tells(api: OpenApi, node: dict[str, Any]) -> bool:
    """Whether a path parameter's schema tells good from bad: by its choices. What looks wrong otherwise is not there."""
    return isinstance(api.resolve(node).get("enum"), list)


def _given(call: Call, path: Mapping[str, str], where: str, place: _Place) -> dict[str, str]:
    if where == "path":
        return {name: path[name] for name in place.names if name in path}
    if where == "cookie":
        pairs = (part.strip().partition("=") for part in (call.header("cookie") or "").split(";"))
        known = {name: unquote(value.strip('"')) for name, _, value in pairs}
        return {name: known[name] for name in place.names if name in known}
    values = {name: call.header(name) for name in place.names}
    return {name: value for name, value in values.items() if value is not None}
