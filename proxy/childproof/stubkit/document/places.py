"""Where a document's parts stand: sections and references followed, through files; names for schemas that have none."""

from typing import Any

import msgspec

from .nodes import Refer
from .sources import Sources, place_name

SCHEMAS = "#/components/schemas/"
_MOST_STEPS = 50  # of references that point at references


class Place(msgspec.Struct, frozen=True):
    """Where something stands: the file ("" is the first) and the steps to it; or its bytes, where they are at hand."""

    file: str
    steps: tuple[str, ...] = ()
    raw: msgspec.Raw | None = None


class Places:
    """The places of one document's path items and schemas. `schemas` grows as references lead to further ones."""

    def __init__(self, sources: Sources, *, swagger: bool) -> None:
        self._sources = sources
        self._swagger = swagger
        self.items = self.entries(("paths",))
        self.schemas = self.entries(("definitions",) if swagger else ("components", "schemas"))
        self._names = self._aliases()
        self._taken = set(self.schemas)
        self.declared = frozenset(self.schemas)

    def entries(self, keys: tuple[str, ...]) -> dict[str, Place]:
        """The entries of a section, which may itself be a reference to another file's."""
        section = self._sources.main.section(*keys)
        reference = section.get("$ref")
        if keys[0] == "components" and "$ref" in self._sources.main.section("components"):
            return self._elsewhere(self._sources.main.section("components")["$ref"], keys[1:])
        if reference is not None and len(section) == 1:
            return self._elsewhere(reference, ())
        return {name: Place("", (*keys, name), raw) for name, raw in section.items() if not name.startswith("x-")}

    def _elsewhere(self, reference: msgspec.Raw, below: tuple[str, ...]) -> dict[str, Place]:
        try:
            file, steps = self._sources.split(str(msgspec.json.decode(reference)), "")
        except ValueError:
            return {}
        found = self._sources.get(file)
        node = found.at((*steps, *below)) if found is not None else None
        return {
            str(name): Place(file, (*steps, *below, str(name))) for name in _mapping(node) if not name.startswith("x-")
        }

    def _aliases(self) -> dict[tuple[str, tuple[str, ...]], str]:
        """Names of components that are no more than a reference to a file, by what they point at."""
        found: dict[tuple[str, tuple[str, ...]], str] = {}
        for name, place in list(self.schemas.items()):
            if place.raw is None:
                found.setdefault((place.file, place.steps), name)
            elif len(bytes(place.raw)) < 300 and b'"$ref"' in bytes(place.raw):
                node = msgspec.json.decode(place.raw)
                reference = node.get("$ref") if isinstance(node, dict) else None
                if isinstance(reference, str) and not reference.startswith("#"):
                    try:
                        target = self._sources.split(reference, "")
                    except ValueError:
                        continue
                    found.setdefault(target, name)
                    self.schemas[name] = Place(*target)
        return found

    def name_all(self) -> None:
        """Give names to the schemas in odd places, in the order of the document, so that they are the same each time."""
        for file in ("", *self._sources.names()):
            here = self._sources.get(file)
            for reference in here.references() if here is not None else ():
                steps = reference.partition("#")[2].strip("/").split("/")
                if steps[0] != "components" or len(steps) > 3:
                    self._name(reference, file)

    def refer(self, file: str) -> Refer:
        """A function that makes of each reference found in a file one to a named schema."""
        return lambda reference: SCHEMAS + self._name(reference, file).replace("~", "~0").replace("/", "~1")

    def _name(self, reference: str, file: str) -> str:
        """The name of the schema that a reference in a file means; a name is given to one that has none."""
        if file == "" and reference.startswith(SCHEMAS) and not self._swagger:
            name = reference.removeprefix(SCHEMAS)
            if name in self.schemas:
                return name
        try:
            target = self._sources.split(reference, file)
        except ValueError:
            return reference
        home, steps = target
        if home == "" and len(steps) in {2, 3} and steps[:-1] in {("components", "schemas"), ("definitions",)}:
            return steps[-1]
        if home == "" and not steps and reference in self.schemas:
            return reference
        known = self._names.get(target)
        if known is None:
            short = place_name(steps) or home.rpartition("/")[2].partition(".")[0] or "document"
            known, count = short, 1
            while known in self._taken:
                count += 1
                known = f"{short}{count}"
            self._names[target] = known
            self._taken.add(known)
            self.schemas[known] = Place(*target)
        return known

    def followed(self, node: dict[str, Any], file: str) -> tuple[dict[str, Any], str]:
        """What a node's `$ref` leads to in the end, and the file that it stands in."""
        for _ in range(_MOST_STEPS):
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node, file
            try:
                file, steps = self._sources.split(reference, file)
            except ValueError:
                return {}, file
            node = _mapping(self.node(Place(file, steps)))
        return {}, file

    def node(self, place: Place) -> Any:
        """What stands at a place, decoded."""
        if place.raw is not None:
            return msgspec.json.decode(place.raw)
        found = self._sources.get(place.file)
        return found.at(place.steps) if found is not None else None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
