"""Which field is an entity's id, and how its ids look: from the field's pattern, format and examples."""

import re
from collections.abc import Mapping
from typing import Any

from childproof.stubkit.document.naming import folded, thing_of, words
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.shape import types

_COMMON = ("sid", "uuid", "guid", "gid", "_id", "objectid", "identifier", "arn")
_NAMES = ("key", "slug", "name", "number", "code", "login", "username", "tag", "handle")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_PREFIX = re.compile(r"(?P<prefix>[A-Za-z][A-Za-z0-9]{0,11}(?:[_-][A-Za-z]{1,12})*[_-])(?P<rest>[A-Za-z0-9]{6,})")
_LETTERS = re.compile(r"(?P<prefix>[A-Z]{1,3})(?P<rest>(?=.*[0-9])[0-9A-Za-z]{8,})")
_HEX = re.compile(r"([0-9a-f]+)|[0-9A-F]+")
# ^prefix[class]{n}$ and the like: what most patterns of ids are
_PATTERN = re.compile(
    r"\^?(?P<prefix>(?:[A-Za-z0-9_-]|\\[-_.])*)(?P<set>\[[^\]]+\]|\\d|\\w)(?:\{(?P<low>\d+)(?:,(?P<high>\d*))?\}|(?P<many>[+*]))\$?"
)
_SETS = {
    "0-9": "digits", "\\d": "digits", "a-f0-9": "hex", "0-9a-f": "hex", "0-9a-fA-F": "hex", "a-fA-F0-9": "hex",
    "A-Fa-f0-9": "hex", "A-Z0-9": "upper", "0-9A-Z": "upper", "a-z0-9": "lower", "0-9a-z": "lower", "a-zA-Z": "letters",
    "A-Za-z": "letters", "a-z": "letters", "\\w": "alnum", "A-F0-9": "upper",
}  # fmt: skip


def id_field(known: Mapping[str, Any], collection: str, parameter: str, schema: str = "") -> str:
    """The property that identifies an entity, "" where none can be told.

    `parameter` is the last one of the item's path. In this order: `id`; the parameter's own name; `<thing>_id`; the
    usual names of ids; what the parameter's name ends in (`{account_sid}` -> `sid`).
    """
    if not known:
        return ""
    if "id" in known:
        return "id"
    spelled = {folded(name): name for name in reversed(list(known))}
    thing = folded(thing_of(collection)) if collection else ""
    kind = folded(schema)
    wanted = [folded(parameter)] if parameter else []
    wanted += [f"{one}{end}" for one in (thing, kind) if one for end in ("id", "sid", "uuid", "key", "guid", "gid")]
    wanted += [*_COMMON, "id"]
    if parameter and (last := words(parameter)):
        wanted.append(last[-1])
        if last[-1] in {"id", "identifier", "key", "name", "slug", *_NAMES}:
            wanted += [f"{thing}{last[-1]}", *_NAMES[:3]] if last[-1] != "id" else []
    if parameter:
        wanted += ["key", "slug"]  # which are ids wherever there is none by another name
    return next((spelled[name] for name in wanted if name in spelled), "")


def id_template(
    api: OpenApi, node: Mapping[str, Any], parameters: tuple[Mapping[str, Any], ...] = ()
) -> tuple[str, str]:
    """A template for ids and what it was inferred from ("an example", "the pattern"); ("", "") where nothing tells.

    `parameters` are the schemas or parameters that hold the same id elsewhere, above all the path's.
    """
    node = api.resolve(dict(node))
    if "integer" in types(api, node) or "number" in types(api, node):
        return "{counter}", "its type"
    if node.get("format") in {"uuid", "guid"}:
        return "{uuid}", "its format"
    for one in (node, *parameters):
        pattern = one.get("pattern") or (one.get("schema") or {}).get("pattern")
        if isinstance(pattern, str) and (template := _of_pattern(pattern)):
            return template, "its pattern"
    for one in (node, *parameters):
        for example in _examples(one):
            if template := _of_example(example):
                return template, f"the example {example}"
    longest = node.get("maxLength")
    if isinstance(longest, int) and 0 < longest < 20:
        return f"{{alnum:{longest}}}", "its length"
    return "", ""


def _examples(node: Mapping[str, Any]) -> list[str]:
    found: list[Any] = [node.get("example")]
    for given in (node.get("examples"), (node.get("schema") or {}).get("examples")):
        if isinstance(given, list):
            found += given
        elif isinstance(given, dict):
            found += [one.get("value") if isinstance(one, dict) else one for one in given.values()]
    found.append((node.get("schema") or {}).get("example"))
    return [one for one in found if isinstance(one, str) and one]


def _of_pattern(pattern: str) -> str:
    found = _PATTERN.fullmatch(pattern)
    if found is None:
        return "{uuid}" if "[0-9a-f" in pattern.lower() and pattern.count("-") >= 4 and "{12}" in pattern else ""
    alphabet = _SETS.get(found["set"].strip("[]"))
    if alphabet is None:
        return ""
    prefix = found["prefix"].replace("\\", "")
    if found["many"]:
        length = 16
    else:
        low = int(found["low"])
        high = int(found["high"]) if found["high"] else low
        length = low if found["high"] is None else max(low, min(high, 24))
    return f"{prefix}{{{alphabet}:{length}}}" if 0 < length <= 64 else ""


def _of_example(text: str) -> str:
    if _UUID.fullmatch(text):
        return "{uuid}"
    if len(text) > 80 or " " in text or "{" in text or "/" in text or "<" in text:
        return ""
    if len(text) >= 8 and any(one.isdigit() for one in text) and (one := _HEX.fullmatch(text)):
        return f"{{{'hex' if one[1] else 'upper'}:{len(text)}}}" if not text.isdigit() else f"{{digits:{len(text)}}}"
    for way in (_PREFIX, _LETTERS):
        found = way.fullmatch(text)
        if found is not None and (alphabet := _alphabet(found["rest"])):
            return f"{found['prefix']}{{{alphabet}:{len(found['rest'])}}}"
    if len(text) >= 5 and text.isdigit():
        return f"{{digits:{len(text)}}}"
    return f"{{{alphabet}:{len(text)}}}" if len(text) >= 8 and text.isalnum() and (alphabet := _alphabet(text)) else ""


def _alphabet(text: str) -> str:
    """The alphabet that a random text was drawn from; "" for what may be a word."""
    if text.isdigit():
        return "digits"
    if not any(one.isdigit() for one in text):
        mixed = text != text.lower() and text != text.upper() and text != text.capitalize()
        return "letters" if mixed and len(text) >= 8 else ""
    if re.fullmatch(r"[0-9a-f]+", text) and len(text) >= 8:
        return "hex"
    if text == text.lower():
        return "lower"
    return "upper" if text == text.upper() else "alnum"
