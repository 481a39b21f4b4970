"""`childproof stubs drift` and `coverage`, and what `list` says."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from childproof.cli.main import main
from childproof.stubkit.document.openapi import OpenApi, load_openapi
from childproof.stubkit.making.drift import drift
from tests.unit.stubkit.conftest import DATA

CRM = DATA / "stubs" / "acme-crm"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        main(["stubs", *arguments])
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def newer(tmp_path: Path) -> Callable[..., Path]:
    """The CRM's document with texts replaced."""

    def make(*changes: tuple[str, str]) -> Path:
        text = (CRM / "openapi.yaml").read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "newer.yaml"
        path.write_text(text)
        return path

    return make


def differences(old: dict[str, object], new: dict[str, object]) -> list[tuple[str, str, bool]]:
    """What differs between two operations that take and reply these schemas."""

    def document(schema: dict[str, object]) -> OpenApi:
        reply = {"200": {"content": {"application/json": {"schema": schema.get("reply", {})}}}}
        body = {"content": {"application/json": {"schema": schema.get("request", {})}}}
        operation = {"parameters": schema.get("parameters", []), "requestBody": body, "responses": reply}
        return OpenApi("a.json", json.dumps({"openapi": "3.0.0", "paths": {"/a": {"post": operation}}}).encode())

    return [
        (one.what, one.how, one.breaks)
        for drifted in drift(document(old), document(new))
        for one in drifted.differences
    ]


def fields(required: list[str], **types: object) -> dict[str, object]:
    return {"type": "object", "required": required, "properties": types}


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ({"request": fields([], a=TEXT)}, {"request": fields([], a=TEXT, b=TEXT)}, [("request b", "added", False)]),
        ({"request": fields([])}, {"request": fields(["b"], b=TEXT)}, [("request b", "added, required", True)]),
        ({"request": fields([], a=TEXT)}, {"request": fields(["a"], a=TEXT)}, [("request a", "now required", True)]),
        ({"request": fields([], a=TEXT)}, {"request": fields([])}, [("request a", "removed", True)]),
        ({"request": fields([], a=TEXT)}, {"request": fields([], a=NUMBER)}, [("request a", "string → integer", True)]),
        ({"request": fields([], a=TEXT)}, {"request": fields([], a={"type": ["string", "null"]})}, [("request a", "string → null or string", False)]),
        ({"reply": fields([], a=TEXT)}, {"reply": fields([], a={"type": ["string", "null"]})}, [("reply a", "string → null or string", True)]),
        ({"reply": fields(["a"], a=TEXT)}, {"reply": fields([], a=TEXT)}, [("reply a", "no longer required", True)]),
        ({"reply": fields([], a={"enum": ["x"]})}, {"reply": fields([], a={"enum": ["x", "y"]})}, [("reply a", "with y", True)]),
        ({"request": fields([], a={"enum": ["x", "y"]})}, {"request": fields([], a={"enum": ["x"]})}, [("request a", "without y", True)]),
        ({"reply": fields([], a=fields([], b=TEXT))}, {"reply": fields([], a=fields([], c=TEXT))}, [("reply a.b", "removed", True), ("reply a.c", "added", False)]),
        ({}, {"parameters": [{"name": "q", "in": "query", "required": True, "schema": TEXT}]}, [("parameter q", "added, required", True)]),
        ({"reply": fields([], a=TEXT)}, {"reply": fields([], a=TEXT)}, []),
    ],
)  # fmt: skip
def test_what_differs_and_what_may_break(
    old: dict[str, object], new: dict[str, object], wanted: list[tuple[str, str, bool]]
) -> None:
    """A client sends less and gets more, and nothing breaks; the other way round it may."""
    assert differences(old, new) == wanted


LISTED = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"id": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    },
}
OTHERWISE = {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}, "tags": {"type": "array", "items": {"type": "integer"}}, "size": {"type": "integer"}}}}  # fmt: skip


def test_what_is_in_lists_is_compared() -> None:
    """A body that is a list, and lists within it: fields that come and go, and the types of what is listed."""
    assert differences({"reply": LISTED}, {"reply": OTHERWISE}) == [
        ("reply [].tags[]", "string → integer", True),
        ("reply [].size", "added", False),
    ]
    assert ("reply [].size", "removed", True) in differences({"reply": OTHERWISE}, {"reply": LISTED})
    assert differences({"reply": LISTED}, {"reply": LISTED}) == []


def test_a_derived_surface_is_compared_by_what_it_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not by its components' names: a surface is no drift from its document."""
    source, derived = CRM / "openapi.yaml", tmp_path / "derived.json"
    assert run(capsys, "derive", str(source), "--output", str(derived))[0] == 0
    assert list(drift(load_openapi(source), load_openapi(derived))) == []


def test_drift_says_what_of_the_stub_it_touches(capsys: pytest.CaptureFixture[str], newer: Callable[..., Path]) -> None:
    """Behaviour, resources and cases; exit code 1."""
    path = newer(("  /v2/forecast:", "  /v2/outlook:"), ("email: {type: string", "mail: {type: string"))
    code, out, _ = run(capsys, "drift", str(CRM), "--openapi", str(path))
    assert code == 1
    assert "- GET /v2/forecast" in out
    assert "+ GET /v2/outlook" in out
    assert "~ POST /v2/contacts   (" in out
    assert "resource contact" in out
    assert "cases/" in out
    assert "  ! request email: removed" in out
    assert "1 added, 1 removed," in out


def test_drift_for_programs(capsys: pytest.CaptureFixture[str], newer: Callable[..., Path]) -> None:
    """A JSON object for each operation."""
    code, out, _ = run(
        capsys, "drift", str(CRM), "--json", "--openapi", str(newer(("  /v2/forecast:", "  /v2/outlook:")))
    )
    assert code == 1
    found = [json.loads(line) for line in out.splitlines()]
    assert [(one["operation"], one["change"]) for one in found] == [
        ("GET /v2/forecast", "removed"),
        ("GET /v2/outlook", "added"),
    ]


def test_no_drift_is_0_and_no_document_is_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As programs expect it."""
    code, out, _ = run(capsys, "drift", str(CRM), "--openapi", str(CRM / "openapi.yaml"))
    assert (code, out) == (0, "acme-crm: no drift\n")
    code, _, err = run(capsys, "drift", str(CRM), "--openapi", str(tmp_path / "none.yaml"))
    assert code == 2
    assert "can't be read" in err
    assert run(capsys, "drift", "email", "--openapi", str(CRM / "openapi.yaml"))[0] == 2


def test_coverage_counts_by_resource(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each resource or path, and the sum."""
    code, out, _ = run(capsys, "coverage", str(CRM))
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["resource", "modelled", "generic", "synthesized", "operations"]
    sums = dict(zip(lines[0][1:], map(int, lines[-1][1:]), strict=False))
    assert lines[-1][0] == "acme-crm"
    assert sums["modelled"] >= 3
    assert any(line[0] == "contact" for line in lines)


def test_coverage_lists_the_operations_of_one_fidelity(capsys: pytest.CaptureFixture[str]) -> None:
    """To see what is left to do."""
    _, out, _ = run(capsys, "coverage", str(CRM), "--fidelity", "synthesized")
    assert "GET /v2/forecast" in out.splitlines()
    _, out, _ = run(capsys, "coverage", str(CRM), "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert {row["fidelity"] for row in rows} == {"modelled", "generic", "synthesized"}
    assert all(row["stub"] == "acme-crm" for row in rows)


def test_coverage_in_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    """For a README; several stubs are a line each."""
    _, out, _ = run(capsys, "coverage", "--markdown", "email", str(CRM))
    lines = out.splitlines()
    assert lines[0] == "| stub | modelled | generic | synthesized | operations |"
    assert lines[2] == "| email | 1 |  |  | 1 |"
    assert lines[3].startswith("| acme-crm |")


def test_list_says_where_a_stub_is_from_and_what_it_holds(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without loading it; a broken one is listed with what is wrong."""
    shutil.copytree(CRM, tmp_path / "acme-crm")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "stub.yaml").write_text("stub: broken\n")
    code, out, _ = run(capsys, "list", "--stubs", str(tmp_path), "--json")
    assert code == 0
    found = {entry["name"]: entry for entry in map(json.loads, out.splitlines())}
    assert (found["acme-crm"]["origin"], found["email"]["origin"]) == ("folder", "shipped")
    assert found["acme-crm"]["operations"] == 19
    assert found["acme-crm"]["modelled"] == 3
    assert "hosts" in found["broken"]["fault"]
    _, out, _ = run(capsys, "list", "--stubs", str(tmp_path))
    assert f"folder {tmp_path / 'acme-crm'}; 19 operations, 3 modelled" in out
