"""Which fields of an entity refer to others: `company_id`, `companyId`, `company`, where companies are a collection."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit.document.naming import folded, words
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.shape import types

from .infer import Inference

_ENDS = ("id", "sid", "uuid", "gid", "key")


def references(api: OpenApi, inference: Inference, known: Mapping[str, dict[str, Any]], own: str) -> dict[str, str]:
    """The fields that hold ids of other entities -> those entities' schemas.

    A field counts whose name is a collection's in the singular, alone or with `id` behind it, and that holds text or a
    number; the collection must be one in which entities are created. `own` is the schema itself: what may refer to
    its own kind under its own name is its id in other words.
    """
    found: dict[str, str] = {}
    for name, node in known.items():
        parts = words(name)
        kinds = set(types(api, node)) - {"null"}
        if not parts or not kinds or not kinds <= {"string", "integer"}:
            continue
        base = folded("".join(parts[:-1] if len(parts) > 1 and parts[-1] in _ENDS else parts))
        if len(parts) == 1 and api.resolve(node).get("enum"):
            continue
        path = inference.collections.get(base, "")
        creation = api.operation("POST", path) if path else None
        if creation is None or "{" in path or inference.operation(creation).action != "create":
            continue
        schema = inference.schema_at(path)
        plain = parts[-1] not in _ENDS and base != folded(schema)  # `role`, where roles are called otherwise: a word
        if schema and schema != own and " " not in schema and not plain:
            found[name] = schema
    return found
