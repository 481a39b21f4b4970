"""Documents written as Python values, for tests of what is inferred from them."""

from typing import Any

import msgspec

from childproof.stubkit.document.openapi import OpenApi

ID = {"type": "string"}


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def reply(schema: Any, status: int = 200, **headers: Any) -> dict[str, Any]:
    content = {} if schema is None else {"content": {"application/json": {"schema": schema}}}
    return {"responses": {str(status): {"description": "", **content, "headers": headers}}}


def taking(schema: Any, answer: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}, **answer}


def objects(required: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": fields}


def document(paths: dict[str, Any], **schemas: Any) -> bytes:
    return msgspec.json.encode({"openapi": "3.0.3", "paths": paths, "components": {"schemas": schemas}})


def api(paths: dict[str, Any], **schemas: Any) -> OpenApi:
    return OpenApi("api.json", document(paths, **schemas))
