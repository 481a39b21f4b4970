"""Arguments: what a service of procedures is called with, wherever it stands (`dialect.procedures`).

Such services have no resources in their paths: `POST /items.rename` takes `item=…&name=…`, as a query, a form or JSON,
and often by GET as well. All of it is one mapping here, and the same whichever way it came.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from childproof.model import BodyError, Call, parse_form, parse_json
from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.shape import properties, types
from childproof.stubkit.refusal import Refusal

from .coercion import Coercer, coercer
from .conversion import Validator, validator
from .uploads import FORM, media_type, read_multipart

_OF_ONE = frozenset({"retrieve", "update", "replace", "delete", "act"})
_SWITCHES = {"1": True, "0": False, "true": True, "false": False, "True": True, "False": False}


class Procedures(msgspec.Struct, frozen=True):
    """The dialect: `methods` that call any procedure, arguments that hold JSON, what every reply that succeeds says."""

    methods: frozenset[str]
    json: frozenset[str]
    success: Mapping[str, Any]

    def takes(self, operation_path: str) -> bool:
        """Whether an operation is a procedure: nothing in its path varies."""
        return "{" not in operation_path

    def succeeded(self, body: Any) -> Any:
        """A reply with what every one has; what the operation says itself comes after, and wins."""
        if body is None:
            return dict(self.success)
        return {**self.success, **body} if isinstance(body, dict) else body


def procedures(written: Mapping[str, Any] | None) -> Procedures | None:
    """Compile `dialect.procedures`."""
    if written is None:
        return None
    methods = frozenset(written.get("methods", ("GET", "POST")))
    return Procedures(methods, frozenset(written.get("json", ())), written.get("success", {}))


class ArgumentReader(msgspec.Struct, frozen=True):
    """Reads the arguments of one procedure; whether they are right, `check` says. Compiled on its first use."""

    check: Validator
    coerce: Coercer
    json: frozenset[str]  # arguments that are values, or texts which hold them as JSON
    switches: frozenset[str]  # booleans, which some clients write as 1 and 0
    texts: frozenset[str]
    token: str  # the argument that is the key: nothing to the operation

    def read(self, call: Call) -> dict[str, Any]:
        """The arguments of a call: those of the query, then those of the body. Raises Refusal: `invalid_body`."""
        values = _sent(call)
        values.pop(self.token, None)
        for name, value in tuple(values.items()):
            if value is None:
                del values[name]
            elif name in self.json:
                values[name] = _held(value)
            elif name in self.switches:
                values[name] = _SWITCHES.get(str(value), value)
            elif name in self.texts and isinstance(value, (int, float)) and not isinstance(value, bool):
                values[name] = str(value)
        found: dict[str, Any] = self.coerce(values)
        return found


def argument_reader(api: OpenApi, operation: Operation, dialect: Procedures, *, token: str = "") -> ArgumentReader:
    """Compile the reader of a procedure: parameters of its query and fields of its body alike."""
    known: dict[str, Any] = {}
    required: set[str] = set()
    for parameter in operation.parameters:
        if parameter.get("in") == "query":
            known[str(parameter["name"])] = parameter.get("schema") or {}
            if parameter.get("required"):
                required.add(str(parameter["name"]))
    if operation.request_schema is not None:
        shape = properties(api, operation.request_schema)
        known.update(shape.known)
        required |= set(shape.required)
    known.pop(token, None)
    for name in dialect.json & known.keys():
        known[name] = {}
    schema = {"type": "object", "properties": known, "required": sorted(required - {token})}
    return ArgumentReader(
        check=validator(api, schema, refuse_unknown=False),
        coerce=coercer(api, schema),
        json=dialect.json,
        switches=frozenset(name for name, node in known.items() if types(api, node) == ("boolean",)),
        texts=frozenset(name for name, node in known.items() if types(api, node) == ("string",)),
        token=token,
    )


def misnamed(
    entry: Mapping[str, Any], api: OpenApi, operation: Operation | None, fields: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], str, str | list[str]]]:
    """What an entry of stub.yaml's operations names (`by`, `where`) that isn't there: place, what was found, what is.

    `fields` are those of its resource's schema, where it has one.
    """
    if operation is None:
        return
    if entry.get("action") in _OF_ONE and not operation.path_parameters and "by" not in entry:
        yield ("action",), f"{entry['action']} without an id", "`by`: the argument that holds it"
    known = [str(one.get("name")) for one in operation.parameters if one.get("in") == "query"]
    known += properties(api, operation.request_schema).known if operation.request_schema is not None else []
    if "by" in entry and entry["by"] not in known:
        yield ("by",), f"the operation has no argument {entry['by']!r}", known
    for field, argument in entry.get("where", {}).items():
        if argument not in known:
            yield ("where", field), f"the operation has no argument {argument!r}", known
        if fields and field not in fields and not field.startswith("_"):
            yield ("where", field), f"the resource's schema has no {field!r}", list(fields)


def _sent(call: Call) -> dict[str, Any]:
    try:
        values = parse_form(call.query) if call.query else {}
        media = media_type(call) if call.body else ""
        if media == FORM:
            values |= read_multipart(call)[0]
        elif media == "application/json" or media.endswith("+json"):
            body = parse_json(call.body)
            if body is not None and not isinstance(body, dict):
                raise Refusal.of("no_object")
            values |= body or {}
        elif media in {"", "application/x-www-form-urlencoded"} and call.body:
            values |= parse_form(call.body)
    except BodyError as error:
        raise Refusal.of("invalid_body", reason=str(error)) from None
    return values


def _held(value: Any) -> Any:
    """The value of a text that is JSON; the text where it isn't: whoever needs a value then says so."""
    if not isinstance(value, str) or not value.strip():
        return value
    try:
        return parse_json(value.encode())
    except BodyError:
        return value
