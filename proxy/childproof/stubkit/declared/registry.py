"""All resources of a stub: those that stub.yaml writes, and those that are inferred when a call first meets them."""

from collections.abc import Mapping, Sequence
from typing import Any

from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.routing import parameters
from childproof.stubkit.document.shape import properties, types
from childproof.stubkit.ids import compile_id
from childproof.stubkit.inference.infer import Inference, resource_name
from childproof.stubkit.inference.refs import references

from .resources import Lifecycle, Resource
from .settings import Settings

_DOCUMENTS = ".document"  # ends the name of an inferred resource where stub.yaml has one of that name for itself


class Registry:
    """Finds resources by name, by schema and by path. Written ones win over inferred ones of the same schema."""

    def __init__(
        self,
        service: str,
        written: Mapping[str, Mapping[str, Any]],
        settings: Settings,
        api: OpenApi | None,
        inference: Inference | None,
    ) -> None:
        self._service = service
        self._settings = settings
        self._api = api
        self._inference = inference
        self._named: dict[str, Resource] = {name: self._write(name, value) for name, value in written.items()}
        self.written: Sequence[Resource] = tuple(self._named.values())
        # What the stub's own code keeps: nothing of the document is taken for it.
        self._own = frozenset(one.name for one in self.written if not one.schema and not one.path and api is not None)
        self._by_schema: dict[str, Resource] = {}
        self._by_path = {resource.path: resource for resource in self.written if resource.path}
        for resource in self.written:
            if resource.schema:
                self._by_schema.setdefault(resource.schema, resource)

    def named(self, name: str) -> Resource:
        """A resource by its name. LookupError for one that neither stub.yaml nor the document has."""
        found = self._named.get(name)
        if found is not None:
            return found
        if self._api is not None:
            if self._api.schema(name) is not None:
                return self.of_schema(name)
            for schema in self._api.schema_names():
                if resource_name(self._api, schema) == name.removesuffix(_DOCUMENTS):
                    return self.of_schema(schema)
        raise LookupError(f"the stub {self._service} has no resource {name!r}")

    def knows(self, name: str) -> bool:
        """Whether `named` finds it."""
        try:
            self.named(name)
        except LookupError:
            return False
        return True

    def of_schema(self, schema: str, path: str = "") -> Resource:
        """The resource of a component schema; the one written for `path` (a collection's) where there are several."""
        if path in self._by_path and self._by_path[path].schema in {"", schema}:
            return self._by_path[path]
        found = self._by_schema.get(schema)
        if found is None:
            found = self._by_schema[schema] = self._infer(schema, path)
            self._named.setdefault(found.name, found)
        return found

    def of_parameter(self, path: str, parameter: str) -> Resource | None:
        """The resource whose id a path parameter is: by what lives at the path up to it, else by its name."""
        if self._api is None or self._inference is None:
            return self._named.get(parameter)
        prefix = path[: path.index("{" + parameter + "}") + len(parameter) + 2]
        for item in (prefix, f"{prefix}/"):
            if self._api.has_path(item) and (schema := self._inference.schema_at(item)):
                return self.of_schema(schema, self._inference.home(item).collection)
        for name in (parameter, parameter.removesuffix("_id"), parameter.removesuffix("Id")):
            if name in self._named and name not in self._own:
                return self._named[name]
        return None

    def parent_field(self, resource: Resource, parameter: str) -> str:
        """The field in which an entity keeps the parent that its path names; a hidden one if its schema has none."""
        known = self._properties(resource.schema)
        base = parameter.removesuffix("_id").removesuffix("Id")
        for name in (parameter, base, f"{base}_id", f"{base}Id"):
            if name in known or name in resource.refs:
                return name
        return f"_{parameter}" if known else base

    def parents(self, resource: Resource, path: str, *, item: bool) -> tuple[tuple[str, str, Resource | None], ...]:
        """For each parent in a path: parameter, the field that holds it, its resource (None: nothing to check)."""
        names = parameters(path)[:-1] if item else parameters(path)
        return tuple((name, self.parent_field(resource, name), self.of_parameter(path, name)) for name in names)

    def _properties(self, schema: str) -> Mapping[str, Any]:
        node = self._api.schema(schema) if self._api is not None and schema else None
        return properties(self._api, node).known if node is not None and self._api is not None else {}

    def _write(self, name: str, value: Mapping[str, Any]) -> Resource:
        table = value.get("lifecycle")
        lifecycle = None
        if table is not None:
            lifecycle = Lifecycle(table["field"], {state: tuple(to) for state, to in table.items() if state != "field"})
        schema = value.get("schema", "")
        if not schema and value.get("path") and self._inference is not None:
            schema = self._inference.schema_at(value["path"])
        identity = value.get("id", name)
        refs = value.get("refs", {})
        id_field = value.get("id_field") or self._id_field(schema, value.get("path", ""))
        inferred = "" if "id" in value else self._id_template(schema, id_field, value.get("path", ""))
        template = inferred or (identity if "{" in identity else self._settings.ids)
        return Resource(
            name=name,
            new_id=compile_id(template, prefix=identity, service=self._service, counter=name),
            label=value.get("label", name),
            param=value.get("param", ""),
            schema=schema,
            path=value.get("path", ""),
            id_field=id_field,
            integer_id=self._counted(schema, id_field),
            key=value.get("key", ""),
            refs={field: target if isinstance(target, str) else target["to"] for field, target in refs.items()},
            ends={
                field: target["delete"]
                for field, target in refs.items()
                if isinstance(target, Mapping) and target.get("delete", "keep") != "keep"
            },
            unique=tuple(value.get("unique", ())),
            defaults=value.get("defaults", {}),
            delete=value.get("delete", "hard"),
            supposed=value.get("unknown_ids", self._settings.unknown_ids) == "synthesize",
            filters=_filters(value.get("filters")),
            readonly=frozenset(value.get("readonly", ())),
            lifecycle=lifecycle,
            content=value.get("content", {}),
            written=True,
        )

    def _infer(self, schema: str, path: str) -> Resource:
        assert self._api is not None
        name = resource_name(self._api, schema)
        name += _DOCUMENTS if name in self._own else ""
        id_field = self._id_field(schema, path)
        template = self._id_template(schema, id_field, path) or self._settings.ids
        return Resource(
            name=name,
            new_id=compile_id(template, prefix=name, service=self._service, counter=name),
            label=name,
            schema=schema,
            supposed=self._settings.unknown_ids == "synthesize",
            path=path,
            id_field=id_field,
            refs=self._references(schema),
            integer_id=self._counted(schema, id_field),
        )

    def _references(self, schema: str) -> dict[str, str]:
        """The fields of an inferred resource that refer to others, by those resources' names."""
        if self._api is None or self._inference is None:
            return {}
        found = references(self._api, self._inference, self._properties(schema), schema)
        written = self._by_schema
        return {
            field: written[target].name if target in written else resource_name(self._api, target)
            for field, target in found.items()
        }

    def _id_field(self, schema: str, path: str) -> str:
        return self._inference.id_field(schema, path) if self._inference is not None and schema else "id"

    def _id_template(self, schema: str, field: str, path: str) -> str:
        return self._inference.id_template(schema, field, path)[0] if self._inference is not None and schema else ""

    def _counted(self, schema: str, field: str) -> bool:
        """Whether ids are numbers in the document's eyes."""
        return bool({"integer", "number"} & set(self._id_types(schema, field)))

    def _id_types(self, schema: str, field: str) -> tuple[str, ...]:
        node = self._properties(schema).get(field)
        return types(self._api, node) if node is not None and self._api is not None else ()


def _filters(written: Any) -> Mapping[str, str] | tuple[str, ...] | None:
    return tuple(written) if isinstance(written, list) else written
