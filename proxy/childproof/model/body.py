"""Request bodies as plain values: JSON, and forms with nested keys (`items[0][price]=…`, `expand[]=…`)."""

import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
MAX_DEPTH = 20
MAX_PAIRS = 10_000


class BodyError(ValueError):
    """The body does not follow its own format. The message says where."""


def parse_json(body: bytes) -> Any:
    """A JSON document (RFC 8259) as Python values. An empty body is None. Raises BodyError."""
    if not body.strip():
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BodyError(f"invalid JSON: {error}") from None


def parse_form(text: str | bytes) -> dict[str, Any]:
    """Form pairs with nested keys, as Rack, PHP and Stripe read them. All leaves are strings. Raises BodyError.

    `a[b]=1` nests a mapping; `a[]=1` appends; `a[0][b]=1` indexes: a mapping whose keys are exactly 0…n-1 becomes a
    list. A key given twice without brackets keeps its last value.
    """
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        pairs = parse_qsl(decoded, keep_blank_values=True, max_num_fields=MAX_PAIRS, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise BodyError(f"invalid form: {error}") from None
    root: dict[str, Any] = {}
    for key, value in pairs:
        _put(root, key, value)
    return {key: _lists(value) for key, value in root.items()}


def _put(root: dict[str, Any], key: str, value: str) -> None:
    whole = _KEY.fullmatch(key)
    if whole is None:
        root[key] = value
        return
    path = [whole[1], *_PART.findall(whole[2])]
    if len(path) > MAX_DEPTH:
        raise BodyError(f"invalid form: the key {key[:80]!r} nests deeper than {MAX_DEPTH} levels")
    node = root
    for part, following in zip(path, [*path[1:], None], strict=True):
        name = part or str(len(node))
        if following is None:
            node[name] = value
            return
        below = node.setdefault(name, {})
        if not isinstance(below, dict):
            raise BodyError(f"invalid form: {key[:80]!r} is both a value and a mapping")
        node = below


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key == str(place) for place, key in enumerate(value)):
        return [_lists(item) for item in value.values()]
    return {key: _lists(item) for key, item in value.items()}
