"""Values that don't fit their type, in the words of a problem: where, what was found, what is expected, what to write.

Msgspec says the first of it in a sentence; what a field is for, and an example of it, stand at the field (`Meta`).
"""

import difflib
import json
import re
from collections.abc import Sequence
from typing import Any

from msgspec import inspect

from .problems import Mistake, Problem

_PLACE = re.compile(r"^(?P<said>.*?)(?: - at (?:`key` in )?`(?P<place>[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[([^\]]*)\]")
_NO_FIELD = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_TYPES = re.compile(r"`([a-z| ]+)`")
_WORDS = {
    "str": "a string", "int": "a whole number", "float": "a number", "bool": "true or false", "array": "an array",
    "object": "an object",
}  # fmt: skip
_SHOWN = 100  # characters of a value
_NOTHING = object()
_encoder = json.JSONEncoder(ensure_ascii=False)


def misfit(message: str, given: Any, wanted: Any, *, query: bool = False) -> Problem:
    """The problem of a value `given` that isn't a `wanted`, from msgspec's sentence. `query`: its fields are parameters."""
    matched = _PLACE.match(message)
    said, place = (matched["said"], matched["place"] or "$") if matched else (message, "$")
    steps = [name or index for name, index in _STEP.findall(place.removeprefix("$"))]
    if "..." in steps:  # the value of some key: msgspec doesn't say whose
        steps = steps[: steps.index("...")]
    kind = inspect.type_info(wanted)
    if found := _NO_FIELD.fullmatch(said):
        name, names = found[1][:_SHOWN], [field.encode_name for field in _fields(kind, steps)]
        near = difflib.get_close_matches(name, names, 1)
        return _problem([*steps, name], "an unknown field", f"one of {', '.join(names)}", *near, query=query)
    if found := _MISSING.fullmatch(said):
        meta = _meta(kind, [*steps, found[1]])
        expected = meta.get("description", "a value")
        return _problem([*steps, found[1]], "no such field", expected, *_example(meta), query=query)
    meta = _meta(kind, steps)
    return _problem(
        steps, _shown(_value(given, steps)), _expected(said, kind, steps, meta), *_example(meta), query=query
    )


def _problem(steps: Sequence[str], found: str, expected: str, write: str = "", *, query: bool) -> Problem:
    if query:
        pointer = f"?{steps[0]}" if steps else ""
    else:
        pointer = "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps)
    where = f" at {pointer}" if pointer else ""
    mistake = Mistake(pointer, found, expected, write)
    return Problem(422, "invalid", f"{found}{where}; expected {expected}", mistakes=[mistake])


def _expected(said: str, kind: inspect.Type, steps: Sequence[str], meta: dict[str, Any]) -> str:
    if said.startswith("Invalid enum value"):
        values = sorted(
            {str(one) for found in _at(kind, steps) if isinstance(found, inspect.LiteralType) for one in found.values}
        )
        return f"one of {', '.join(values)}"
    if " matching regex " in said and "description" in meta:
        return str(meta["description"])
    if said.startswith("Expected "):
        return _TYPES.sub(_named, said.removeprefix("Expected ").partition(", got ")[0])
    return "what the schema in /v1/openapi.json says"


def _named(found: re.Match[str]) -> str:
    return " or ".join(_WORDS.get(one, one) for one in found[1].split(" | "))


def _shown(value: Any) -> str:
    if value is _NOTHING:
        return "another value"
    text = ""
    for piece in _encoder.iterencode(value):  # bit by bit: it may be all of a large body
        text += piece
        if len(text) > _SHOWN:
            break
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _value(given: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        try:
            given = given[int(step)] if isinstance(given, list) else given[step]
        except (LookupError, TypeError, ValueError):
            return _NOTHING
    return given


def _example(meta: dict[str, Any]) -> list[str]:
    """What may be written there."""
    return [one if isinstance(one, str) else json.dumps(one) for one in meta.get("examples", ())[:1]]


# --- types, by the way to a field


def _at(kind: inspect.Type, steps: Sequence[str]) -> list[inspect.Type]:
    """The types, one of a union each, that a value may have there."""
    found = _plain(kind)
    for step in steps:
        below: list[inspect.Type] = []
        for one in found:
            if isinstance(one, inspect.StructType):
                below += [field.type for field in one.fields if field.encode_name == step]
            elif isinstance(one, inspect.ListType):
                below.append(one.item_type)
        found = [plain for one in below for plain in _plain(one)]
    return found


def _plain(kind: inspect.Type) -> list[inspect.Type]:
    if isinstance(kind, inspect.Metadata):
        return _plain(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [plain for one in kind.types for plain in _plain(one)]
    return [kind]


def _fields(kind: inspect.Type, steps: Sequence[str]) -> list[inspect.Field]:
    return [field for one in _at(kind, steps) if isinstance(one, inspect.StructType) for field in one.fields]


def _meta(kind: inspect.Type, steps: Sequence[str]) -> dict[str, Any]:
    """What is said of a field: `description`, `examples`."""
    if not steps:
        return {}
    said: dict[str, Any] = {}
    for field in _fields(kind, steps[:-1]):
        if field.encode_name == steps[-1]:
            said |= _said(field.type)
    return said


def _said(kind: inspect.Type) -> dict[str, Any]:
    if isinstance(kind, inspect.UnionType):
        parts = [_said(one) for one in kind.types]
        return {name: value for part in parts for name, value in part.items()}
    if isinstance(kind, inspect.Metadata):
        return {**_said(kind.type), **(kind.extra_json_schema or {})}
    return {}
