"""`childproof stubs`: list, check, new; and what cases report."""

from collections.abc import Callable
from pathlib import Path

import pytest

from childproof.cli.main import main

from .conftest import DATA


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        main(["stubs", *arguments])
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def test_list_shows_names_hosts_and_summaries(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list", "--stubs", str(DATA / "stubs"))
    assert code == 0
    assert "acme-crm" in out
    assert "api.acme.com" in out
    assert "Acme's CRM, v2" in out


def test_check_counts_cases_and_operations(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", str(DATA / "stubs" / "acme-crm"))
    assert code == 0
    assert "acme-crm: 2 of 2 cases passed" in out
    assert "19 operations: 3 modelled, 15 generic, 1 synthesized" in out


def test_check_exits_with_2_for_faults(capsys: pytest.CaptureFixture[str], edited: Callable[..., Path]) -> None:
    code, _, err = run(capsys, "check", str(edited(stub=[("schema: Company,", "schema: Compny,")])))
    assert code == 2
    assert "no schema 'Compny'" in err
    assert "childproof: 1 fault" in err


CASE = """
- case: what is wrong is said with its place
  calls:
    - POST /v2/contacts: {email: a@b.c}
      reply: {status: 201, body: {email: b@b.c, name: /^J/, tags: [x]}, lacks: [object]}
  events: [contact.updated]
"""


def test_check_exits_with_1_for_failing_cases_and_says_what_differs(
    capsys: pytest.CaptureFixture[str], edited: Callable[..., Path]
) -> None:
    folder = edited(files={"cases/wrong.yaml": CASE})
    code, out, err = run(capsys, "check", str(folder))
    assert code == 1
    assert "2 of 3 cases passed" in out
    assert "cases/wrong.yaml:5:" in out
    for difference in (
        'email is "a@b.c"; expected "b@b.c"',
        "name is null; expected /^J/",
        "tags has 0 items; expected 1 items",
        "object is there",
    ):
        assert difference in out
    assert "1 failing case" in err


@pytest.mark.parametrize(
    ("case", "found"),
    [
        ("- case: x\n  calls: []\n", "calls"),
        ("- case: x\n  calls:\n    - GRAB /v2: {}\n", "unknown key"),
        ("- name: x\n", "'case'"),
    ],
)
def test_a_broken_case_file_is_a_fault(
    capsys: pytest.CaptureFixture[str], edited: Callable[..., Path], case: str, found: str
) -> None:
    code, _, err = run(capsys, "check", str(edited(files={"cases/wrong.yaml": case})))
    assert code == 2
    assert "cases/wrong.yaml:" in err
    assert found in err


def test_an_unknown_name_in_a_case_fails_it(capsys: pytest.CaptureFixture[str], edited: Callable[..., Path]) -> None:
    case = "- case: x\n  calls:\n    - GET /v2/contacts/{somebody}:\n"
    code, out, _ = run(capsys, "check", str(edited(files={"cases/wrong.yaml": case})))
    assert code == 1
    assert "unknown name {somebody}" in out


def test_new_writes_down_what_it_inferred_and_the_result_loads(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = run(
        capsys, "new", "crm", "--openapi", str(DATA / "bare/acme-crm/openapi.yaml"), "--dir", str(tmp_path)
    )
    assert code == 0
    assert "17 generic" in out
    text = (tmp_path / "crm" / "stub.yaml").read_text()
    for line in (
        "hosts: [api.acme.com]",
        "auth: {bearer: any}",
        "style: cursor",
        "contact: {schema: Contact, path: /v2/contacts",
    ):
        assert line in text
    assert run(capsys, "check", str(tmp_path / "crm"))[0] == 0
    code, _, err = run(
        capsys, "new", "crm", "--openapi", str(DATA / "bare/acme-crm/openapi.yaml"), "--dir", str(tmp_path)
    )
    assert code == 2
    assert "exists already" in err


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("crm", "swagger: '1.2'\npaths: {}\n", "Swagger 1.2"),
        ("crm", "a: [", "bad YAML"),
        ("crm", "openapi: 3.0.0\npaths: {}\n", "no server with a host name"),
        ("Crm!", "openapi: 3.0.0\npaths: {}\n", "a name that a stub can't have"),
        ("../crm", "openapi: 3.0.0\npaths: {}\n", "a name that a stub can't have"),
        ("my_crm", "openapi: 3.0.0\npaths: {}\n", "write: my-crm"),
        ("", "openapi: 3.0.0\npaths: {}\n", "a name that a stub can't have"),
    ],
)
def test_new_refuses_what_it_can_not_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, text: str, found: str
) -> None:
    document = tmp_path / "api.yaml"
    document.write_text(text)
    code, _, err = run(capsys, "new", name, "--openapi", str(document), "--dir", str(tmp_path / "stubs"))
    assert code == 2
    assert found in err
    assert not (tmp_path / "stubs").exists()


def test_new_refuses_a_host_that_is_none_before_it_writes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What was refused can be tried again: no folder is left behind."""
    document, target = str(DATA / "bare/acme-crm/openapi.yaml"), str(tmp_path / "stubs")
    code, _, err = run(
        capsys, "new", "crm", "--openapi", document, "--dir", target, "--host", "https://crm.example:443/v1"
    )
    assert code == 2
    assert "write: --host crm.example" in err
    assert not (tmp_path / "stubs").exists()


@pytest.mark.parametrize("name", ["1", "on", "007"])
def test_new_writes_names_that_yaml_would_take_for_something_else(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    """A number or a boolean is a good name, where it is written as a text."""
    document = str(DATA / "bare/acme-crm/openapi.yaml")
    assert run(capsys, "new", name, "--openapi", document, "--dir", str(tmp_path))[0] == 0
    assert run(capsys, "check", str(tmp_path / name))[0] == 0
