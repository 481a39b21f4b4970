"""Swagger 2 documents: as good as OpenAPI 3 ones."""

from pathlib import Path

import pytest

from childproof.stubkit.document.openapi import OpenApi, load_openapi
from childproof.stubkit.folder.loading import load_stub
from childproof.world.store import Store
from tests.unit.stubkit.conftest import Caller

DOCUMENT = """
swagger: "2.0"
info: {title: Kennel, version: "1"}
host: api.kennel.example
basePath: /v1
schemes: [http, https]
consumes: [application/json]
produces: [application/json]
securityDefinitions:
  key: {type: apiKey, in: header, name: X-Key}
  login: {type: basic}
  grant: {type: oauth2, flow: accessCode, authorizationUrl: "https://x.example/a", tokenUrl: "https://x.example/t", scopes: {r: read}}
parameters:
  size: {name: size, in: query, type: integer, maximum: 50, default: 5}
  dog: {name: dog, in: path, required: true, type: string}
  wanted: {name: dog, in: body, required: true, schema: {$ref: "#/definitions/NewDog"}}
responses:
  Missing: {description: no, schema: {$ref: "#/definitions/Problem"}}
paths:
  /dogs:
    get:
      parameters:
        - $ref: "#/parameters/size"
        - {name: colours, in: query, type: array, items: {type: string}, collectionFormat: csv}
        - {name: breeds, in: query, type: array, items: {type: string}, collectionFormat: multi}
      responses: {200: {description: ok, schema: {type: array, items: {$ref: "#/definitions/Dog"}}}}
    post:
      parameters: [{$ref: "#/parameters/wanted"}]
      responses: {201: {description: ok, schema: {$ref: "#/definitions/Dog"}}, 400: {$ref: "#/responses/Missing"}}
  /dogs/{dog}:
    parameters: [{$ref: "#/parameters/dog"}]
    get: {responses: {200: {description: ok, schema: {$ref: "#/definitions/Dog"}}, 404: {$ref: "#/responses/Missing"}}}
    delete: {responses: {204: {description: gone}}}
  /dogs/{dog}/walks:
    post:
      consumes: [application/x-www-form-urlencoded]
      parameters:
        - $ref: "#/parameters/dog"
        - {name: minutes, in: formData, type: integer, required: true, minimum: 1}
        - {name: with, in: formData, type: string}
      responses: {200: {description: ok, schema: {type: object, required: [minutes], properties: {minutes: {type: integer}}}}}
  /photos:
    post:
      parameters: [{name: photo, in: formData, type: file, required: true}, {name: title, in: formData, type: string}]
      responses: {200: {description: ok}}
  /photo:
    get:
      produces: [image/png]
      responses: {200: {description: ok, schema: {type: file}}}
definitions:
  NewDog: {type: object, required: [name], properties: {name: {type: string}, owner: {type: string, x-nullable: true}}}
  Dog:
    allOf:
      - {$ref: "#/definitions/NewDog"}
      - {type: object, required: [id], properties: {id: {type: integer, format: int64}}}
  Problem: {type: object, properties: {code: {type: string}, message: {type: string}}}
"""


@pytest.fixture
def api(tmp_path: Path) -> OpenApi:
    path = tmp_path / "swagger.yaml"
    path.write_text(DOCUMENT)
    return load_openapi(path)


@pytest.fixture
def kennel(tmp_path: Path, store: Store) -> Caller:
    """A stub with nothing but hosts and the document: `openapi:` takes Swagger 2, too."""
    folder = tmp_path / "kennel"
    folder.mkdir()
    (folder / "swagger.yaml").write_text(DOCUMENT)
    (folder / "stub.yaml").write_text("stub: kennel\nhosts: [api.kennel.example]\nopenapi: swagger.yaml\n")
    return Caller(load_stub(folder), store, key=None)


def test_host_base_path_and_schemes_are_servers(api: OpenApi) -> None:
    """Encrypted first; the base path is that of every call."""
    assert api.servers == ("https://api.kennel.example/v1", "http://api.kennel.example/v1")
    assert (api.base, api.hosts()) == ("/v1", ["api.kennel.example"])


def test_security_definitions_are_security_schemes(api: OpenApi) -> None:
    """Of every kind, with the flow's name as OpenAPI 3 has it."""
    key, login, grant = api.security_schemes()
    assert key == {"type": "apiKey", "name": "X-Key", "in": "header"}
    assert login == {"type": "http", "scheme": "basic"}
    assert grant["flows"]["authorizationCode"]["scopes"] == {"r": "read"}


def test_a_body_parameter_is_the_request_body(api: OpenApi) -> None:
    """Also one that several operations share."""
    operation = api.operation("POST", "/dogs")
    assert operation is not None
    assert (operation.request_type, operation.request_required) == ("application/json", True)
    assert operation.request_schema == {"$ref": "#/components/schemas/NewDog"}
    assert operation.parameters == ()


def test_form_fields_are_one_body(api: OpenApi) -> None:
    """Files make it multipart, whatever is consumed otherwise."""
    walk = api.operation("POST", "/dogs/{dog}/walks")
    photo = api.operation("POST", "/photos")
    assert walk is not None
    assert photo is not None
    assert walk.request_type == "application/x-www-form-urlencoded"
    assert walk.request_schema is not None
    assert walk.request_schema["required"] == ["minutes"]
    assert walk.request_schema["properties"]["minutes"] == {"type": "integer", "minimum": 1}
    assert photo.request_type == "multipart/form-data"
    assert photo.request_schema is not None
    assert photo.request_schema["properties"]["photo"] == {"type": "string", "format": "binary"}


def test_collection_formats_are_styles(api: OpenApi) -> None:
    """Commas or repetition."""
    operation = api.operation("GET", "/dogs")
    assert operation is not None
    size, colours, breeds = operation.parameters
    assert size["schema"] == {"type": "integer", "maximum": 50, "default": 5}
    assert (colours["style"], colours["explode"]) == ("form", False)
    assert (breeds["style"], breeds["explode"]) == ("form", True)


def test_replies_have_the_media_types_that_are_produced(api: OpenApi) -> None:
    """The operation's own, or the document's; a file is bytes."""
    photo, dog = api.operation("GET", "/photo"), api.operation("GET", "/dogs/{dog}")
    assert photo is not None
    assert dog is not None
    assert (photo.reply_type, photo.reply_schema) == ("image/png", {"type": "string", "format": "binary"})
    assert dog.reply_type == "application/json"
    assert dog.error_schema == {"$ref": "#/components/schemas/Problem"}


def test_what_may_be_null_may_be_null(api: OpenApi) -> None:
    """`x-nullable` is what OpenAPI 3.0 calls nullable."""
    schema = api.schema("NewDog")
    assert schema is not None
    assert schema["properties"]["owner"]["nullable"] is True


def test_a_swagger_document_alone_is_a_stateful_service(kennel: Caller) -> None:
    """Created, retrieved, listed, checked, deleted, refused in the document's words."""
    status, made = kennel("POST /v1/dogs", {"name": "Rex"})
    assert (status, made) == (201, {"name": "Rex", "owner": None, "id": 1})
    assert kennel("GET /v1/dogs/1") == (200, made)
    assert kennel("GET /v1/dogs?size=3") == (200, [made])
    assert kennel("POST /v1/dogs", {"owner": "me"}) == (
        400,
        {"code": "missing", "message": "The parameter name is required."},
    )
    assert kennel("POST /v1/dogs/1/walks", form="minutes=20")[0] == 200
    assert kennel("POST /v1/dogs/1/walks", form="minutes=0")[0] == 400
    assert kennel("DELETE /v1/dogs/1") == (204, None)
    status, body = kennel("GET /v1/dogs/1")
    assert (status, body["code"]) == (404, "not_found")
