"""Documents in several files, of every version; and what is said of those that can't be used."""

import gzip
from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.stubkit.document import sources
from childproof.stubkit.document.openapi import OpenApi, load_openapi
from childproof.stubkit.making.starter import start_stub

ROOT = """
openapi: 3.1.0
info: {title: Zoo, version: "1"}
servers: [{url: "https://{zone}.zoo.example/{stage}", variables: {zone: {default: eu}, stage: {default: v1, enum: [v1, beta]}}}]
paths:
  /animals: {$ref: paths/animals.yaml}
  /animals/{animal}: {$ref: "paths/animals.yaml#/one"}
webhooks:
  born: {post: {requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Animal"}}}}}}
components:
  schemas:
    Animal: {$ref: schemas/animal.yaml}
    Anything: true
    Nothing: false
    Tagged: {$ref: "#/components/schemas/Animal", description: told, required: [tag], properties: {tag: {const: x}}}
"""
FILES = {
    "paths/animals.yaml": """
get: {responses: {"200": {content: {application/json: {schema: {type: array, items: {$ref: ../schemas/animal.yaml}}}}}}}
post:
  requestBody: {content: {application/json: {schema: {$ref: "../schemas/animal.yaml#/$defs/Birth"}}}}
  responses: {"201": {content: {application/json: {schema: {$ref: ../zoo.yaml#/components/schemas/Animal}}}}, "404": {$ref: "shared.json#/missing"}}
one:
  parameters: [{name: animal, in: path, required: true, schema: {type: string}}]
  get: {responses: {"200": {content: {application/json: {schema: {$ref: "../schemas/animal.yaml"}}}}}}
""",
    "paths/shared.json": '{"missing": {"content": {"application/json": {"schema": {"$ref": "../schemas/animal.yaml#/$defs/Problem"}}}}}',
    "schemas/animal.yaml": """
type: object
required: [id, name]
properties:
  id: {type: string, examples: [ani_7fK2mQ9xLw]}
  name: {type: [string, "null"]}
  parent: {$ref: "#"}
$defs:
  Birth: {type: object, required: [name], properties: {name: {type: string}}}
  Problem: {type: object, properties: {message: {type: string}}}
""",
}


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "zoo.yaml").write_text(ROOT)
    return tmp_path / "zoo.yaml"


def faults(text: str, tmp_path: Path, name: str = "api.yaml") -> list[str]:
    """What is said of a document, without its folder."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        load_openapi(path)
    return [str(fault).replace(f"{tmp_path}/", "") for fault in raised.value.faults]


def test_references_lead_through_files(zoo: Path) -> None:
    """Path items, replies, schemas, fragments of files and back to the first one: all is one schema by one name."""
    api = load_openapi(zoo)
    listing, creation = api.operation("GET", "/animals"), api.operation("POST", "/animals")
    one = api.operation("GET", "/animals/{animal}")
    assert listing is not None
    assert creation is not None
    assert one is not None
    animal = {"$ref": "#/components/schemas/Animal"}
    assert listing.reply_schema == {"type": "array", "items": animal}
    assert (creation.reply_schema, one.reply_schema) == (animal, animal)
    assert creation.request_schema == {"$ref": "#/components/schemas/Birth"}
    assert creation.error_schema is not None
    assert api.resolve(creation.error_schema)["properties"] == {"message": {"type": "string"}}
    schema = api.schema("Animal")
    assert schema is not None
    assert schema["properties"]["parent"] == animal
    assert one.path_parameters == ("animal",)


def test_the_words_of_3_1_are_understood(zoo: Path) -> None:
    """Boolean schemas, keywords beside a reference, type lists, webhooks."""
    api = load_openapi(zoo)
    assert (api.schema("Anything"), api.schema("Nothing")) == ({}, {"not": {}})
    assert api.schema("Tagged") == {
        "allOf": [{"$ref": "#/components/schemas/Animal"}],
        "required": ["tag"],
        "properties": {"tag": {"const": "x"}},
    }
    assert list(api.webhooks()) == ["born"]


def test_server_variables_make_hosts(zoo: Path) -> None:
    """A first label that may be anything is a pattern; listed values are addresses of their own."""
    api = load_openapi(zoo)
    assert api.hosts() == ["*.zoo.example"]
    assert api.servers == ("https://eu.zoo.example/v1", "https://eu.zoo.example/beta")


def test_a_new_stub_takes_all_files_along(zoo: Path, tmp_path: Path) -> None:
    """What the stub's folder holds is complete."""
    started = start_stub(tmp_path / "stubs" / "zoo", zoo)
    assert sorted(str(path.relative_to(started.folder)) for path in started.folder.rglob("*.*") if path.is_file()) == [
        "paths/animals.yaml", "paths/shared.json", "schemas/animal.yaml", "stub.yaml", "zoo.yaml",
    ]  # fmt: skip
    assert load_openapi(started.folder / "zoo.yaml").operation("GET", "/animals/{animal}") is not None


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("../secret.yaml#/a", "leaves the document's folder"),
        ("/etc/passwd", "leaves the document's folder"),
        ("https://evil.example/x.yaml#/A", "another server"),
        ("file:///etc/passwd", "another server"),
        ("missing.yaml#/A", "can't be read"),
        ("#/components/schemas/Gone", "nothing stands there"),
        ("#/nowhere/at/all", "nothing stands there"),
    ],
)
def test_references_that_lead_nowhere_or_out_are_refused(tmp_path: Path, reference: str, found: str) -> None:
    """Each with its line; nothing outside the folder is ever read."""
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.yaml").write_text("a: {type: string}")
    text = f'openapi: 3.0.3\npaths:\n  /a:\n    get: {{responses: {{"200": {{content: {{application/json: {{schema: {{$ref: "{reference}"}}}}}}}}}}}}\n'
    [fault] = faults(text, tmp_path / "in")
    assert fault.startswith("api.yaml:4:")
    assert f"$ref: {reference}" in fault
    assert found in fault


def test_a_symbolic_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    """What counts is where a file is."""
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.yaml").write_text("type: string")
    (tmp_path / "in" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    [fault] = faults("openapi: 3.0.3\npaths: {}\ncomponents: {schemas: {A: {$ref: link.yaml}}}\n", tmp_path / "in")
    assert "outside the document's folder" in fault


def test_a_reference_in_an_example_is_none(tmp_path: Path) -> None:
    """What is data is not followed, nor is a property that is called $ref."""
    text = 'openapi: 3.0.3\npaths: {}\ncomponents: {schemas: {A: {example: {$ref: "#/no"}, properties: {$ref: {type: string}}}}}\n'
    path = tmp_path / "api.yaml"
    path.write_text(text)
    schema = load_openapi(path).schema("A")
    assert schema is not None
    assert schema["properties"] == {"$ref": {"type": "string"}}


def test_every_fault_is_told_with_its_place(tmp_path: Path) -> None:
    """All at once, in the order of the file."""
    text = """openapi: 3.0.3
paths:
  things: {get: {responses: {}}}
  /a/{: {get: {responses: {}}}
  /b: 7
components:
  schemas:
    A: {$ref: "#/components/schemas/B"}
    B: {$ref: "#/components/schemas/A"}
    C: {properties: {x: {$ref: "#/components/schemas/Nope"}}}
"""
    found = faults(text, tmp_path)
    assert [fault.split(": ")[0] for fault in found] == [
        "api.yaml:3:3", "api.yaml:4:3", "api.yaml:5:3", "api.yaml:8:5", "api.yaml:10:32",
    ]  # fmt: skip
    assert "begins with a slash" in found[0]
    assert "write: /things:" in found[0]
    assert "A → B → A" in found[3]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"openapi": "3.0.0",\n "paths": {"/a": }}', "api.json:2:18: no JSON"),
        ("", "api.json: an empty file"),
        ("[1, 2]", "no mapping"),
        ('{"paths": {}}', "no version"),
        ('{"swagger": "1.2", "paths": {}}', "Swagger 1.2"),
        ('{"openapi": "3.0.0"}', "no `paths`"),
        ('{"openapi": "3.0.0", "paths": []}', "paths that is no mapping"),
    ],
)
def test_what_is_no_document_is_said_so(tmp_path: Path, text: str, found: str) -> None:
    """Never a traceback."""
    assert found in faults(text, tmp_path, "api.json")[0]


@pytest.mark.parametrize("packed", [False, True])
def test_a_document_beyond_all_bounds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    """Before it fills the memory, also one that a small archive blows up to."""
    monkeypatch.setattr(sources, "MOST_BYTES", 1000)
    raw = b'{"openapi": "3.0.0", "paths": {}, "x": "' + b"a" * 2000 + b'"}'
    path = tmp_path / "api.json"
    path.write_bytes(gzip.compress(raw) if packed else raw)
    with pytest.raises(InputError, match="a document of more than"):
        load_openapi(path)


def test_paths_that_differ_in_names_only_are_one(tmp_path: Path) -> None:
    """Each method is found by the spelling that has it; what is there twice is noted, and the first is served."""
    text = """openapi: 3.0.3
paths:
  /a/{x}: {get: {responses: {"200": {}}}, put: {responses: {"200": {}}}}
  /a/{y}: {delete: {responses: {"204": {}}}, put: {responses: {"200": {}}}}
"""
    path = tmp_path / "api.yaml"
    path.write_text(text)
    api = load_openapi(path)
    assert api.route("GET", "/a/1") == ("/a/{x}", {"x": "1"})
    assert api.route("DELETE", "/a/1") == ("/a/{y}", {"y": "1"})
    assert [(fault.line, fault.found) for fault in api.notes()] == [
        (4, "PUT /a/{y}, which can't be told from PUT /a/{x}")
    ]


def test_nothing_is_decoded_before_it_is_asked_for(zoo: Path) -> None:
    """An operation that nobody calls may be anything."""
    api = OpenApi(
        "api.json", b'{"openapi": "3.0.0", "paths": {"/a": {"get": 7}, "/b": {"get": {"responses": {"200": {}}}}}}'
    )
    assert api._items == {}
    assert api.operation("GET", "/a") is None
    assert api.operation("GET", "/b") is not None
