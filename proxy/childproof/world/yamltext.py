"""JSON values as YAML that people review: block style, plain words without quotes, texts of several lines as such.

Written here: it takes a third of PyYAML's time, and quotes by our reader's rules (`documents`), not by YAML 1.1's.
Whatever is not plainly plain is a JSON string, which is a double-quoted YAML string.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+(,;)-]+)*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off"})  # the last four for other readers
_TEXT = r"[ -~\t\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
_LINES = re.compile(rf"[!-~]{_TEXT}*\n(?:{_TEXT}*\n)*{_TEXT}*")
_HIDDEN = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")  # raw, these are no YAML, or a line's end
_LONG_KEY = 500  # a longer one needs a mark of its own


def to_yaml(value: dict[str, Any]) -> Iterator[str]:
    """The lines of a document, without line ends."""
    return _mapping(value, 0)


def _mapping(value: dict[str, Any], indent: int) -> Iterator[str]:
    pad = " " * indent
    for key, item in value.items():
        name = _scalar(key)
        if len(name) > _LONG_KEY:
            yield f"{pad}? {name}"
            name = ""
        yield from _item(f"{pad}{name}:", item, indent)


def _item(head: str, item: Any, indent: int) -> Iterator[str]:
    if isinstance(item, dict) and item:
        yield head
        yield from _mapping(item, indent + 2)
    elif isinstance(item, list) and item:
        yield head
        yield from _sequence(item, indent + 2)
    elif isinstance(item, str) and _is_text(item):
        yield f"{head} |" if item.endswith("\n") else f"{head} |-"
        pad = " " * (indent + 2)
        yield from (f"{pad}{line}" if line else "" for line in item.removesuffix("\n").split("\n"))
    else:
        yield f"{head} {_scalar(item)}"


def _sequence(items: list[Any], indent: int) -> Iterator[str]:
    pad = " " * indent
    for item in items:
        if isinstance(item, dict | list) and item:
            lines = _mapping(item, indent + 2) if isinstance(item, dict) else _sequence(item, indent + 2)
            yield f"{pad}- {next(lines)[indent + 2 :]}"
            yield from lines
        else:
            yield from _item(f"{pad}-", item, indent)


def _is_text(value: str) -> bool:
    """Whether it can stand as lines and is read back as it was."""
    return "\n" in value and not value.endswith("\n\n") and _LINES.fullmatch(value) is not None


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
    return json.dumps(value)
