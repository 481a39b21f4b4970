"""The JSON Schema of world files: what is common to all, and a section for each service, as its stub tells it."""

from collections.abc import Iterable, Mapping
from typing import Any

from childproof.stubkit.invented.people import LOCALES
from childproof.stubkit.seeding import sections
from childproof.stubkit.service import Service
from childproof.world import NAME, NAMES

_SPAN = {
    "type": "string",
    "pattern": "^-?[0-9]{1,6}(ms|s|m|h|d|w)$",
    "x-expected": "a time span, like 5s",
    "x-write": "5s",
}
_TIME = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})?)?$",
    "x-expected": "a time like 2026-01-05T09:00:00Z",
    "x-write": "start: 2026-01-05T09:00:00Z",
}
_NUMBER = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
_TEXT = {"type": "string", "minLength": 1}
_ADDRESS = {name: {"type": "string"} for name in ("line1", "city", "state", "postal_code", "country")}
_GIVEN = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("name", "first_name", "last_name", "phone", "login"), _TEXT),
        "email": {**_TEXT, "pattern": "^[^@\\s]+@[^@\\s]+$", "x-expected": "an e-mail address"},
        "address": {"type": "object", "properties": _ADDRESS, "additionalProperties": False},
    },
    "additionalProperties": False,
}
COMMON: dict[str, Any] = {
    "world": {
        "type": "string",
        "pattern": f"^{NAME}$",
        "description": "The world's name, where --as gives no other.",
        "x-expected": f"a world's name: {NAMES}",
        "x-write": "world: shop",
    },
    "seed": {
        "type": "integer",
        "minimum": -(2**63),
        "maximum": 2**63 - 1,
        "description": "What ids and people follow from.",
    },
    "clock": {
        "type": "object",
        "description": "The first call's time, and how time passes from there.",
        "properties": {
            "start": _TIME,
            "run": {"enum": ["real", "frozen", "step"]},
            "step": _SPAN,
            "offset": _SPAN,
        },
        "additionalProperties": False,
    },
    "people": {
        "description": "Who the services share.",
        "anyOf": [
            _NUMBER,
            {
                "type": "object",
                "properties": {
                    "count": _NUMBER,
                    "locale": {"enum": list(LOCALES)},
                    "given": {"type": "array", "items": _GIVEN},
                },
                "additionalProperties": False,
            },
        ],
    },
}


def world_schema(
    services: Iterable[Service],
    keys: Mapping[str, Iterable[str]],
    names: Iterable[str] = (),
    *,
    more: bool = False,
) -> dict[str, Any]:
    """The schema of files that use these services; `keys` are further keys of each one's section that mean a resource.

    `names` are the stubs there are besides, whose sections aren't looked into. With `more`, sections may have keys that
    the schema can't name: resources that a stub's document has and nobody has written down.
    """
    definitions: dict[str, Any] = {}
    known: dict[str, Any] = {name: {} for name in names}
    for service in services:
        known[service.name] = _section(service, keys.get(service.name, ()), definitions)
        if more and service.api is not None:
            del known[service.name]["additionalProperties"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "childproof world files",
        "type": "object",
        "properties": {**COMMON, **known},
        "required": ["world"],
        "additionalProperties": False,
        **({"$defs": definitions} if definitions else {}),
    }


def _section(service: Service, keys: Iterable[str], definitions: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for key, resource in sections.known(service).items():
        known[key] = sections.schema(service, resource)
    for key in keys:
        named = sections.find(service, key)
        if named is not None:
            known[key] = sections.schema(service, named)
    for key, recipe in service.behaviours.recipes.items():
        known[key], parts = recipe.schema(f"{service.name}.{key}")
        definitions.update(parts)
    return {
        "type": "object",
        "description": service.manifest.summary,
        "properties": known,
        "additionalProperties": False,
    }
