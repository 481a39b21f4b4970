"""Values invented from a schema: plausible, and the same for the same seed. Faker is loaded when first needed.

Only Faker's few en_US providers that are used here are imported; the whole of it costs a second and 25 MB.
"""

import importlib
import random
import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from .openapi import OpenApi
from .shape import CREATED, UPDATED, constant, properties, types

if TYPE_CHECKING:
    from collections.abc import Callable

_PROVIDERS = ("person.en_US", "address.en_US", "company.en_US", "phone_number.en_US", "internet.en_US", "lorem.en_US")
_MAX_DEPTH = 4
# property name -> Faker's word for it; the first part of a name that fits wins
_BY_NAME = {
    "email": "safe_email", "first_name": "first_name", "firstname": "first_name", "given_name": "first_name",
    "last_name": "last_name", "lastname": "last_name", "family_name": "last_name", "full_name": "name",
    "username": "user_name", "login": "user_name", "company": "company", "organization": "company",
    "phone": "phone_number", "city": "city", "state": "state_abbr", "postal_code": "postcode", "zip": "postcode",
    "line1": "street_address", "street": "street_address", "address": "street_address", "ip": "ipv4", "host": "hostname",
    "name": "name", "title": "catch_phrase", "description": "sentence", "summary": "sentence", "text": "sentence",
    "comment": "sentence", "slug": "slug",
}  # fmt: skip
_ON = frozenset({"active", "enabled", "valid", "is_active", "isactive"})
_COUNTS = re.compile(r"^(times|num|total)_|_?count$|^attempts|version$")  # what a new thing has none of yet
_FIXED = {
    "currency": "usd",
    "country": "US",
    "locale": "en-US",
    "language": "en",
    "timezone": "UTC",
    "time_zone": "UTC",
}


class Synthesizer:
    """Invents values with one random generator, at one moment (`now`, unix milliseconds)."""

    def __init__(self, api: OpenApi, rng: random.Random, now: int) -> None:
        self._api = api
        self._rng = rng
        self._now = now

    def value(self, node: dict[str, Any], name: str = "", depth: int = 0) -> Any:
        """A value that the schema allows; null for what is nullable below the first level."""
        node = self._api.resolve(node)
        kinds = types(self._api, node)
        only = constant(node)
        if only is not None:
            return only[0]
        if "null" in kinds:
            return None
        if node.get("enum"):
            return self._rng.choice(node["enum"])
        if "default" in node:
            return node["default"]
        match kinds[0] if kinds else "string":
            case "object":
                return self.object(node, depth + 1)
            case "array":
                wanted = int(node.get("minItems", 0))
                items = node.get("items")
                return [self.value(items, name, depth + 1) for _ in range(wanted)] if isinstance(items, dict) else []
            case "boolean":
                return name.lower() in _ON
            case "integer":
                return self._integer(node, name)
            case "number":
                return round(self._rng.uniform(float(node.get("minimum", 1)), float(node.get("maximum", 1000))), 2)
            case _:
                return self._string(node, name)

    def object(self, schema: dict[str, Any], depth: int = 0) -> dict[str, Any]:
        """An object with all its required properties; at the first level with its optional plain ones too."""
        if depth > _MAX_DEPTH:
            return {}
        shape = properties(self._api, schema)
        out: dict[str, Any] = {}
        for name, value in shape.known.items():
            if (
                name in shape.required
                or "null" in types(self._api, value)
                or (depth == 0 and "object" not in types(self._api, value))
            ):
                out[name] = self.value(value, name, depth)
        return out

    def _integer(self, node: dict[str, Any], name: str) -> int:
        if node.get("format") == "unix-time" or name.lower() in CREATED | UPDATED:
            return self._now // 1000
        if _COUNTS.search(name.lower()) and int(node.get("minimum", 0)) <= 0:
            return 0
        low = int(node.get("minimum", 1))
        return self._rng.randint(low, max(low, int(node.get("maximum", low + 9999))))

    def _string(self, node: dict[str, Any], name: str) -> str:
        moment = datetime.fromtimestamp(self._now / 1000, UTC)
        lowered = name.lower()
        match node.get("format"):
            case "date-time":
                return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            case "date":
                return moment.strftime("%Y-%m-%d")
            case "uuid":
                return str(_uuid4(self._rng))
            case "email":
                lowered = "email"
            case "uri" | "url":
                return self._fake("url")
        if lowered in CREATED | UPDATED:
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        if lowered == "url" or lowered.endswith(("_url", "_uri", "link")):
            text = self._fake("url")
        elif lowered in _FIXED:
            text = _FIXED[lowered]
        elif lowered == "id" or lowered.endswith("_id"):
            text = "".join(self._rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=16))
        else:
            text = self._fake(next((word for part, word in _BY_NAME.items() if part in lowered), "word"))
        return text[: int(node.get("maxLength", 5000))].ljust(int(node.get("minLength", 0)), "x")

    def _fake(self, word: str) -> str:
        maker: Callable[[], object] = getattr(_faker(self._rng), word)
        return str(maker()).replace("\n", ", ")


@cache
def _generator() -> Any:
    generator = importlib.import_module("faker.generator").Generator()
    for name in _PROVIDERS:
        generator.add_provider(importlib.import_module(f"faker.providers.{name}").Provider(generator))
    return generator


def _faker(rng: random.Random) -> Any:
    generator = _generator()
    generator.random = rng
    return generator


def _uuid4(rng: random.Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[rng.getrandbits(2)]}{digits[17:20]}-{digits[20:]}"
