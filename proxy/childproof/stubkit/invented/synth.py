"""Values invented from a schema: plausible, valid, and the same for the same seed.

What belongs to one entity is about one person, place and moment (`persona`). Faker is loaded when first needed.
"""

import random
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.shape import CREATED, UPDATED
from childproof.stubkit.request.conversion import Converter, Validator

from .flatten import IMPOSSIBLE, Node, chosen, flat, null_fits, possible
from .people import People
from .persona import Persona
from .quantities import number
from .regexes import finds, matching
from .words import formatted, named

_DEEP = 4  # from here on, only what must be there
_MAX_DEPTH = 24
_TRIES = 30
_PLAIN_TRIES = 8
_ON = frozenset({"active", "enabled", "valid", "is_active", "isactive"})
# Keywords that are hard to meet by construction: what was made is checked, and made again.
_HARD = ("nots", "if", "contains", "dependentSchemas", "oneOf")
_ORDER = ("string", "integer", "number", "boolean", "object", "array", "null")


class Synthesizer:
    """Invents values with one random generator, at one moment (`now`, unix milliseconds).

    `people` are the world's: what looks like a person is one of them. Without any, people are made up. `about` is what
    the values are of, where no schema's name tells (`customer`).
    """

    def __init__(
        self, api: OpenApi, rng: random.Random, now: int, people: People | None = None, *, about: str = ""
    ) -> None:
        self._around = about
        self._rich = False  # everything optional is there, too: what is missing can't tell two branches apart
        self._api = api
        self._rng = rng
        self._now = now
        self._people = people
        self._who = Persona(rng, people)
        self._checks: dict[int, tuple[Any, Validator | None]] = {}

    def value(self, node: Any, name: str = "", depth: int = 0) -> Any:
        """A value that the schema allows; null for what is nullable. -1 for `depth` is a reply's whole body."""
        about = self._around or (self._api.ref_name(node) if isinstance(node, dict) else None) or name
        return self._value(node, name, depth, about)

    def object(self, schema: dict[str, Any], depth: int = 0) -> dict[str, Any]:
        """An object with all its required properties; at the first level with its optional plain ones too."""
        about = self._around or self._api.ref_name(schema) or ""
        made = self._object(self._settled(flat(self._api, schema), depth), depth, about.lower())
        return made if isinstance(made, dict) else {}

    def _value(self, node: Any, name: str, depth: int, about: str) -> Any:
        if depth > _MAX_DEPTH:
            return None
        known = flat(self._api, node)
        if null_fits(self._api, known) and depth >= 0:
            return None
        check = self._check(node, known)
        made: Any = None
        for attempt in range(_TRIES):
            self._rich = self._rich or attempt > _PLAIN_TRIES
            made = self._made(known, name, depth, about.lower(), attempt)
            if check is None or check.is_valid(made):
                return made
        return made

    def _made(self, known: Node, name: str, depth: int, about: str, attempt: int) -> Any:
        node = self._settled(known, depth, attempt)
        if "enum" in node:
            return self._one_of(node)
        kinds = node.get("type") or _implied(node)
        kind = kinds[0] if attempt < _TRIES // 2 else self._rng.choice(kinds)
        if attempt == 0:
            given = self._given(node, name, about)
            if given is not _NOTHING:
                return given
        match kind:
            case "object":
                return self._object(node, depth + 1, about)
            case "array":
                return self._array(node, name, depth + 1, about)
            case "boolean":
                return name.lower() in _ON if attempt == 0 else self._rng.random() < 0.5
            case "integer" | "number":
                made = number(node, name, self._who, self._now, whole=kind == "integer")
                return made if attempt == 0 else made + attempt if "maximum" not in node else made
            case "null":
                return None
            case _:
                return self._string(node, name, about)

    # --- choosing

    def _settled(self, node: Node, depth: int, attempt: int = 0) -> Node:
        """A flat node with one branch of each choice merged in: the first that is possible; deep down, the shallowest."""
        turn = attempt
        while node.get("choices"):
            branches = list(node["choices"][0])
            discriminator = node.get("discriminator")
            if depth >= _DEEP:
                branches.sort(key=lambda branch: self._height(branch, 0))
            fitting = []
            for branch in branches:
                merged = chosen(self._api, node, branch, discriminator)
                if possible(merged) and merged.get("type") != ["null"]:
                    fitting.append(merged)
                    if len(fitting) > turn:
                        break
            if not fitting:
                return chosen(self._api, node, branches[0], discriminator)
            node = fitting[turn % len(fitting)]
        return node

    def _height(self, node: Any, depth: int) -> int:
        """How many objects deep a value of a schema must be at least."""
        if depth > 5:
            return 99
        known = flat(self._api, node)
        if known.get("type") == IMPOSSIBLE["type"]:
            return 99
        if null_fits(self._api, known) or "enum" in known:
            return 0
        if known.get("choices"):
            return min(self._height(chosen(self._api, known, branch), depth + 1) for branch in known["choices"][0])
        kinds = known.get("type") or _implied(known)
        if kinds[0] == "object":
            properties = known.get("properties") or {}
            return 1 + max(
                (self._height(properties.get(one, True), depth + 1) for one in known.get("required", ())), default=0
            )
        if kinds[0] == "array" and known.get("minItems", 0):
            return 1 + self._height(known.get("items", True), depth + 1)
        return 0

    def _one_of(self, node: Node) -> Any:
        kinds = node.get("type")
        fitting = [value for value in node["enum"] if value is not None and (not kinds or _is(value, kinds))]
        fitting = [value for value in fitting if not isinstance(value, str) or _fits(node, value)]
        return self._rng.choice(fitting or [value for value in node["enum"] if value is not None] or [None])

    def _given(self, node: Node, name: str, about: str) -> Any:
        """What the document itself offers: a default; an example, unless the name says more about this very entity."""
        offers = [node["default"]] if "default" in node else []
        if self._who.spoken(name, about) is None and not name.lower().endswith("id"):
            examples = node.get("examples")
            offers += [node["example"]] if "example" in node else []
            offers += list(examples) if isinstance(examples, list) else []
        for value in offers:
            if value is not None and not isinstance(value, dict) and self._valid(node, value):
                return value
        return _NOTHING

    def _valid(self, node: Node, value: Any) -> bool:
        schema = {key: inner for key, inner in node.items() if key not in _OURS}
        if "patterns" in node:
            schema["allOf"] = [{"pattern": pattern} for pattern in node["patterns"]]
        try:
            return Validator(Converter(self._api, "reply", False, True).whole(schema), validate_formats=True).is_valid(
                value
            )
        except ValueError:
            return False

    def _check(self, node: Any, known: Node) -> Validator | None:
        """A validator for what is hard to make; None where construction is enough."""
        if not any(key in known for key in _HARD) and len(known.get("patterns", ())) < 2 and not known.get("choices"):
            return None
        found = self._checks.get(id(node))
        if found is None:
            hard = any(key in known for key in _HARD) or len(known.get("patterns", ())) > 1 or _overlapping(node)
            try:
                schema = Converter(self._api, "reply", False, True).whole(node) if hard else None
                check = Validator(schema, validate_formats=True) if schema is not None else None
            except ValueError:
                check = None
            found = self._checks[id(node)] = (node, check)  # the node is kept, so that its id stays its own
        return found[1]

    # --- objects and arrays

    def _object(self, node: Node, depth: int, about: str) -> dict[str, Any]:
        known: dict[str, Any] = node.get("properties") or {}
        required = set(node.get("required") or ())
        out: dict[str, Any] = {}
        for name, schema in known.items():
            if name in required or (depth <= 1 and self._shown(schema, depth)):
                out[name] = self._value(schema, name, depth, self._about(schema, name, about))
        for name in sorted(required - out.keys()):
            out[name] = self._value(self._other(node, name), name, depth, about)
        for name in self._dependent(node, out):
            out[name] = self._value(known.get(name, True), name, depth, about)
        self._fill(node, out, depth, about)
        return out

    def _shown(self, schema: Any, depth: int) -> bool:
        """Whether an optional property is there: what is nullable, and at the first level what is plain."""
        known = flat(self._api, schema)
        if known.get("type") == [] or depth > _DEEP:
            return False
        if self._rich:
            return True
        if null_fits(self._api, known) and "type" in known:
            return True
        settled = self._settled(known, depth)
        return depth == 0 and possible(settled) and (settled.get("type") or _implied(settled))[0] != "object"

    def _about(self, schema: Any, name: str, about: str) -> str:
        """What an inner object is about: what its property or its schema is called, and what is around it."""
        named_as = self._api.ref_name(schema) if isinstance(schema, dict) else None
        return f"{name} {named_as or ''} {about}"

    def _other(self, node: Node, name: str) -> Any:
        """The schema of a property that isn't listed."""
        for pattern, schema in (node.get("patternProperties") or {}).items():
            if finds(pattern, name):
                return schema
        return node.get("additionalProperties", True)

    def _dependent(self, node: Node, out: dict[str, Any]) -> Iterator[str]:
        waiting = list(out)
        asked: dict[str, Any] = node.get("dependentRequired") or {}
        while waiting:
            for name in asked.get(waiting.pop(), ()):
                if name not in out:
                    waiting.append(name)
                    yield name

    def _fill(self, node: Node, out: dict[str, Any], depth: int, about: str) -> None:
        """Properties until there are as many as there must be: listed ones, then others."""
        least = node.get("minProperties", 0)
        for name, schema in (node.get("properties") or {}).items():
            if len(out) >= least:
                return
            if name not in out and flat(self._api, schema).get("type") != []:
                out[name] = self._value(schema, name, depth, about)
        patterns = node.get("patternProperties") or {}
        for attempt in range(20 * (least + 1)):
            if len(out) >= least:
                return
            name = self._key(node, patterns, attempt)
            schema = self._other(node, name)
            if name not in out and name not in (node.get("properties") or {}) and schema is not False:
                out[name] = self._value(schema, name, depth, about)

    def _key(self, node: Node, patterns: dict[str, Any], attempt: int) -> str:
        if patterns and (node.get("additionalProperties") is False or attempt % 2):
            made = matching(self._rng.choice(list(patterns)), self._rng)
            return made if made is not None else f"key_{attempt}"
        if isinstance(node.get("propertyNames"), dict):
            return str(self._value({"type": "string", **node["propertyNames"]}, "key", _DEEP, ""))
        return f"{named('word', self._who, '', self._now)}_{attempt}" if attempt else "key"

    def _array(self, node: Node, name: str, depth: int, about: str) -> list[Any]:
        first = node.get("prefixItems") or []
        least = node.get("minItems", 0)
        if "contains" in node:
            least = max(least, node.get("minContains", 1))
        out = [self._value(schema, name, depth, about) for schema in first[: max(least, len(first))]]
        items = node.get("items", True)
        about = self._about(items, name, "").lower()
        if "maxItems" in node:
            out = out[: node["maxItems"]]
        if self._rich and depth < _DEEP and items is not False and node.get("maxItems", 1) > 0:
            least = max(least, 1)
        contained = node.get("minContains", 1) if "contains" in node else 0
        outer = self._who
        for attempt in range(_TRIES + 3 * least):
            if len(out) >= least and contained <= 0:
                break
            self._who = Persona(self._rng, self._people)  # each item is about somebody else
            wanted = {"allOf": [items, node["contains"]]} if contained > 0 and attempt < _TRIES else items
            made = self._value(wanted, name if attempt < _TRIES // 2 else "", depth, about)
            if node.get("uniqueItems") and any(_same(made, other) for other in out):
                made = self._differently(wanted, name, depth, about, attempt)
            if not node.get("uniqueItems") or not any(_same(made, other) for other in out):
                out.append(made)
                contained -= 1
        self._who = outer
        return out

    def _differently(self, schema: Any, name: str, depth: int, about: str, attempt: int) -> Any:
        """Another item than the ones that come by themselves: of other branches, without defaults and examples."""
        return self._made(flat(self._api, schema), "", depth, about if not name else "", attempt + 1)

    # --- texts

    def _string(self, node: Node, name: str, about: str) -> str:
        least, most = int(node.get("minLength", 0)), int(node.get("maxLength", 5000))
        kind = node.get("format")
        made = formatted(kind, name, self._who, self._now) if isinstance(kind, str) else None
        if made is None:
            made = formatted("date-time", name, self._who, self._now) if name.lower() in CREATED | UPDATED else None
        if made is None:
            made = named(name, self._who, about, self._now)
        elif _fits(node, made):
            return made
        patterns: Iterable[str] = node.get("patterns", ())
        for pattern in patterns:
            if _fits(node, made):
                return made
            drawn = matching(pattern, self._rng, lambda text: _fits(node, text))
            made = drawn if drawn is not None else made
        if patterns:
            return made
        if len(made) < least and name:
            made = f"{made} {named('text', self._who, about, self._now)}"
        return made[:most].ljust(least, "x")


_NOTHING = object()
_OURS = frozenset({"patterns", "nots", "choices", "discriminator", "example", "examples", "default"})


def _implied(node: Node) -> list[str]:
    """The types of a schema that names none: what its keywords are about."""
    for kind, words in (
        (
            "object",
            ("properties", "required", "additionalProperties", "minProperties", "patternProperties", "propertyNames"),
        ),
        ("array", ("items", "prefixItems", "minItems", "contains")),
        ("number", ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")),
    ):
        if any(word in node for word in words):
            return [kind]
    return ["string"] if not node.get("nots") else list(_ORDER)


def _fits(node: Node, text: str) -> bool:
    if not node.get("minLength", 0) <= len(text) <= node.get("maxLength", len(text)):
        return False
    return all(finds(pattern, text) for pattern in node.get("patterns", ()))


def _is(value: Any, kinds: list[str]) -> bool:
    match value:
        case bool():
            return "boolean" in kinds
        case int():
            return bool({"integer", "number"} & set(kinds))
        case float():
            return "number" in kinds or ("integer" in kinds and value.is_integer())
        case str():
            return "string" in kinds
        case list():
            return "array" in kinds
        case _:
            return "object" in kinds


def _same(left: Any, right: Any) -> bool:
    return left == right and msgspec.json.encode(left) == msgspec.json.encode(right)


def _overlapping(node: Any) -> bool:
    """Whether a schema has branches of which only one may hold, or parts that may contradict each other."""
    return isinstance(node, dict) and (isinstance(node.get("oneOf"), list) or "allOf" in node)
