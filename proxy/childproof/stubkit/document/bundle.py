"""Any document as one OpenAPI 3 document: Swagger 2 converted, further files brought in."""

from typing import Any

from .openapi import OpenApi


def bundled(api: OpenApi) -> dict[str, Any]:
    """The document as a mapping with everything that it refers to in it."""
    paths: dict[str, Any] = {}
    for path in api.paths:
        item = {}
        for method in api.methods(path):
            operation = api.operation(method, path)
            if operation is None:
                continue
            entry: dict[str, Any] = {"operationId": operation.id} if operation.id else {}
            entry["parameters"] = list(operation.parameters)
            if operation.security is not None:
                entry["security"] = operation.security
            if operation.request_schema is not None:
                content = {operation.request_type: {"schema": operation.request_schema}}
                entry["requestBody"] = {"required": operation.request_required, "content": content}
            entry["responses"] = {
                status: {"content": reply["content"]} if reply.get("content") else {}
                for status, reply in api.responses(operation).items()
            }
            item[method.lower()] = entry
        paths[path] = item
    schemas: dict[str, Any] = {}
    known = api.schema_names()
    while len(known) > len(schemas):  # reading one may bring others in
        schemas.update({name: api.schema(name) or {} for name in known if name not in schemas})
        known = api.schema_names()
    modern = api.version.startswith("3.") and not api.version.startswith("3.0")
    return {
        "openapi": api.version if modern else "3.0.3",
        "info": api.info(),
        "servers": [{"url": url} for url in api.servers],
        "paths": paths,
        "components": {"schemas": schemas},
    }
