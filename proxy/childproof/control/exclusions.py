"""Fields that don't go together, as JSON Schema: what types can't say, and what the operations refuse with 422.

Each is a shape that a body must not have. A field that is null is one that is left out.
"""

from typing import Any

_TEXT = {"type": "string"}
_NULL = {"type": "null"}
_GIVEN = {"type": ["string", "integer"]}


def _has(**properties: Any) -> dict[str, Any]:
    """A body in which all of these are there, and are so. A name ending in `_` is a word of Python's."""
    named = {name.removesuffix("_"): shape for name, shape in properties.items()}
    return {"required": [*named], "properties": named}


def _if(shape: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """The same where these are left out, or are so."""
    return {**shape, "properties": {**shape["properties"], **properties}}


def _lacks(*names: str, **properties: Any) -> dict[str, Any]:
    """The same where none of these is given."""
    return _if(_has(**properties), **dict.fromkeys(names, _NULL))


_OTHER_SEED: dict[str, Any] = {"type": "integer", "not": {"const": 0}}
_OTHER_CLOCK: dict[str, Any] = {"type": "string", "not": {"const": "real"}}
_MORE: dict[str, Any] = {"type": "array", "minItems": 1, "items": {}}
_FALSE: dict[str, Any] = {"const": False}
_TRUE: dict[str, Any] = {"const": True}

ONE_OF = ("ClockChange",)  # bodies that have exactly one field
EXCLUSIONS: dict[str, list[dict[str, Any]]] = {
    "NewWorld": [
        _has(from_=_TEXT, file=_TEXT),
        _lacks("from", at=_GIVEN),
        _has(from_=_TEXT, seed=_OTHER_SEED),
        _has(from_=_TEXT, clock=_OTHER_CLOCK),
        _has(file=_TEXT, seed=_OTHER_SEED),
        _has(file=_TEXT, clock=_OTHER_CLOCK),
    ],
    "ToExplain": [_has(world=_TEXT, text={"type": ["string", "array"], "items": {}})],
    "Listeners": [
        _if(_has(http=_FALSE), socks=_FALSE, stubs={"maxItems": 0}),
        _if(_has(http=_FALSE, port={"type": "integer"}), socks=_FALSE),
    ],
    "NewSandbox": [
        _lacks("from", at=_GIVEN),
        _has(from_=_TEXT, seed=_OTHER_SEED),
        _has(from_=_TEXT, clock=_OTHER_CLOCK),
        _lacks("from", world=_TEXT, seed=_OTHER_SEED),
        _lacks("from", world=_TEXT, clock=_OTHER_CLOCK),
        _lacks("from", world=_TEXT, rules=_TEXT),
        _has(
            sealed=_TRUE,
            listen={"anyOf": [_has(http=_FALSE), _has(socks=_TRUE), _has(port={"type": "integer"}), _has(stubs=_MORE)]},
        ),
    ],
}
