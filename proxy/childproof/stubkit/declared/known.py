"""What the names in stub.yaml and seed.yaml may stand for: the resources that there are, and their fields."""

from collections.abc import Iterable

from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.shape import properties
from childproof.stubkit.inference.infer import Inference, resource_name

from .manifest import Manifest


def is_resource(manifest: Manifest, api: OpenApi | None, name: str) -> bool:
    """Whether there is a resource of this name: written in stub.yaml, or inferred from the document."""
    if name in manifest.resources:
        return True
    if api is None:
        return False
    return api.schema(name) is not None or any(resource_name(api, schema) == name for schema in api.schema_names())


def fields(manifest: Manifest, api: OpenApi | None, name: str) -> list[str]:
    """The fields of a resource's schema, sorted; none where nothing says what it has."""
    if api is None:
        return []
    entry = manifest.resources.get(name, {})
    schema = entry.get("schema") or (Inference(api).schema_at(entry["path"]) if "path" in entry else "") or name
    node = api.schema(schema)
    return sorted(properties(api, node).known) if node is not None else []


def one_of(names: Iterable[str]) -> str:
    """Names as what a fault expected; the first twelve of many."""
    known = list(names)
    return f"one of {', '.join(known[:12])}{', …' if len(known) > 12 else ''}" if known else "one that exists"
