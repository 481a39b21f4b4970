"""A broken stub: all faults at once, each with its place and what to write instead; nothing is loaded."""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.stubkit.cases.cases import load_cases
from childproof.stubkit.folder.loading import load_stub


def faults(folder: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_stub(folder)
    return [str(fault).replace(str(folder), "") for fault in caught.value.faults]


def only(folder: Path) -> str:
    (fault,) = faults(folder)
    return fault


STUB_FAULTS = {
    "an unknown key": [("summary:", "sumary:")],
    "a schema that isn't there": [("schema: Company,", "schema: Compny,")],
    "a path that isn't there": [("path: /v2/companies", "path: /v2/company")],
    "a schema that the path doesn't reply": [("schema: Company,", "schema: Webhook,")],
    "a reference to no resource": [("refs: {company: company}", "refs: {company: firm}")],
    "a field that the schema doesn't have": [("unique: [email]", "unique: [mail]")],
    "a move to no state": [("lost: [open]", "lost: [closed]")],
    "an operation that isn't there": [("/win:", "/gain:")],
    "a move that no lifecycle has": [("{move: lost}", "{move: gone}")],
    "an event of no resource": [("emit: {contact:", "emit: {person:")],
    "a subscription to no resource": [("{resource: webhook,", "{resource: hook,")],
    "an outcome that is no expression": [("{sum(amount) |", "{total(amount) |")],
    "an id that is no template": [('"{prefix}_{alnum:14}"', '"{prefix}_{alfa:14}"')],
    "another stub's name": [("stub: acme-crm", "stub: acme")],
    "a document that isn't there": [("openapi: openapi.yaml", "openapi: api.yaml")],
    "a document outside": [("openapi: openapi.yaml", "openapi: ../openapi.yaml")],
    "a host that is none": [("[api.acme.com]", '["api acme"]')],
    "a broken pattern": [('pattern: "acme_[a-z0-9]+"', 'pattern: "acme_["')],
    "a key twice": [("summary: Acme's CRM, v2", "summary: Acme\nsummary: Acme")],
    "a kind of error that isn't known": [("unknown_parameter:", "unknown_thing:")],
    "a state in no field": [("field: stage", "field: stag")],
    "a field set that isn't there": [("set: {closed_at: now}", "set: {closd_at: now}")],
    "a duration that is none": [("operations:", "events: {retry: [soon]}\noperations:"), ("events:\n", "events_:\n")],
}
EXPECTED = {
    "an unknown key": ("/stub.yaml:2:1", "unknown key 'sumary'", "summary:"),
    "a schema that isn't there": ("/stub.yaml:", "no schema 'Compny'", "schema: Company"),
    "a path that isn't there": ("/stub.yaml:", "no path /v2/company", "path: /v2/companies"),
    "a schema that the path doesn't reply": ("/stub.yaml:", "/v2/companies replies Company", "schema: Company"),
    "a reference to no resource": ("/stub.yaml:", "unknown resource 'firm'", "one of company"),
    "a field that the schema doesn't have": ("/stub.yaml:", "unique names 'mail'", "email"),
    "a move to no state": ("/stub.yaml:", "a move to 'closed', which is no state", "one of open, lost, won"),
    "an operation that isn't there": (
        "/stub.yaml:",
        "no operation POST /v2/deals/{deal}/gain",
        "POST /v2/deals/{deal}/win:",
    ),
    "a move that no lifecycle has": ("/stub.yaml:", "no lifecycle has the state 'gone'", "lost"),
    "an event of no resource": ("/stub.yaml:", "unknown resource 'person'", "contact"),
    "a subscription to no resource": ("/stub.yaml:", "unknown resource 'hook'", "webhook"),
    "an outcome that is no expression": ("/stub.yaml:", "no outcome expression", "template"),
    "an id that is no template": ("/stub.yaml:", "no placeholder {alfa}", "{alnum:14}"),
    "another stub's name": ("/stub.yaml:1:1", "the stub 'acme' in the folder 'acme-crm'", "stub: acme-crm"),
    "a document that isn't there": ("/stub.yaml:4:1", "no file api.yaml", "openapi: openapi.yaml"),
    "a document outside": ("/stub.yaml:4:1", "outside the stub", "a file of its folder"),
    "a host that is none": ("/stub.yaml:3:", "is not allowed", "a host name"),
    "a broken pattern": ("/stub.yaml:", "the pattern 'acme_['", "a regular expression"),
    "a key twice": ("/stub.yaml:3:1", "'summary' a second time", "each key once"),
    "a kind of error that isn't known": ("/stub.yaml:", "unknown_thing", ""),
    "a state in no field": ("/stub.yaml:", "lifecycle names 'stag', which deal's schema doesn't have", "stage"),
    "a field set that isn't there": ("/stub.yaml:", "set names 'closd_at'", "closed_at:"),
    "a duration that is none": ("/stub.yaml:", "events.retry.0: 'soon'", "write: 10m"),
}


@pytest.mark.parametrize("name", STUB_FAULTS)
def test_stub_yaml_with(name: str, edited: Callable[..., Path]) -> None:
    place, found, write = EXPECTED[name]
    text = "\n".join(faults(edited(stub=STUB_FAULTS[name])))
    assert place in text
    assert found in text
    assert write in text


BEHAVIOUR = "from childproof.stubkit import Context, operation, job, receives\n\n\n"


@pytest.mark.parametrize(
    ("code", "place", "found", "write"),
    [
        ("import time\n", ":4:1", "the import of time", "ctx.now()"),
        ("import random\n", ":4:1", "the import of random", "ctx.random"),
        ("from uuid import uuid4\n", ":4:1", "the import of uuid", "ctx.new_id"),
        ("import os.path\n", ":4:1", "the import of os.path", ""),
        ("import urllib.request\n", ":4:1", "the import of urllib.request", ""),
        ("def f():\n    import socket\n", ":5:5", "the import of socket", ""),
        (
            "from childproof.world.store import Store\n",
            ":4:1",
            "childproof.world.store",
            "from childproof.stubkit import",
        ),
        ("from datetime import datetime\nX = datetime.now()\n", ":5:5", "the wall clock (datetime.now)", "ctx.now()"),
        ("import datetime as dt\nX = dt.date.today()\n", ":5:5", "the wall clock", "ctx.now()"),
        ("X = open('/etc/passwd')\n", ":4:5", "open(…)", ""),
        ("def f() -> None:\n    raise SystemExit(3)\n", ":5:11", "SystemExit", "raise Refusal(…)"),
        ("def f() -> None:\n    exit()\n", ":5:5", "exit; expected nothing that ends", "raise Refusal(…)"),
        ("try:\n    X = 1\nexcept BaseException:\n    X = 2\n", ":6:8", "BaseException", "write: Exception"),
        ("X = (\n", ":", "bad Python", ""),
        ("X = 1 / 0\n", ":4:1", "ZeroDivisionError", ""),
        (
            "@operation('POST /v2/deals/{deal}/merge')\ndef f(ctx: Context, deal: str): ...\n",
            ":4:1",
            "no such path",
            "/v2/deals/{deal}/",
        ),
        (
            "@operation('POST /v2/deals/{id}/lose')\ndef f(ctx: Context, id: str): ...\n",
            ":4:1",
            "names the parameters otherwise",
            "/v2/deals/{deal}/lose",
        ),
        ("@operation('PUT /v2/forecast')\ndef f(ctx: Context): ...\n", ":4:1", "no PUT at this path", "one of GET"),
        (
            "@operation('GET /v2/deals/{deal}')\ndef f(ctx: Context, id: str): ...\n",
            ":4:1",
            "no parameter 'deal'",
            "def f(ctx: Context, deal: str)",
        ),
        (
            "@operation('GET /v2/forecast')\ndef f(ctx: Context, months: int): ...\n",
            ":4:1",
            "'months' is not in the path",
            "def f(ctx: Context)",
        ),
        ("@operation('GET /v2/forecast')\nasync def f(ctx: Context): ...\n", ":4:1", "a coroutine", ""),
        ("@operation('GET /v2/forecast')\ndef f(): ...\n", ":4:1", "no context", ""),
        ("@operation('GET /v2/forecast')\ndef f(ctx, **rest): ...\n", ":4:1", "takes whatever comes", ""),
        (
            "@operation('POST /v2/deals/{deal}/split')\ndef f(ctx: Context, deal: str): ...\n",
            ":4:1",
            "a second time",
            "",
        ),
        (
            "@operation('POST /v2/deals/{deal}/win')\ndef f(ctx: Context, deal: str): ...\n",
            ":4:1",
            "also declared in stub.yaml",
            "",
        ),
        ("@receives('pigeon')\ndef f(ctx: Context): ...\n", ":4:1", "unknown protocol", "one of smtp"),
        ("@job('later')\ndef f(ctx: Context): ...\n", ":4:1", "0 parameters after the context", "payload: dict"),
    ],
)
def test_behaviour_with(code: str, place: str, found: str, write: str, edited: Callable[..., Path]) -> None:
    fault = only(edited(files={"more.py": BEHAVIOUR + code}))
    assert f"/more.py{place}" in fault
    assert found in fault
    assert write in fault


def test_the_faults_of_all_files_come_at_once(edited: Callable[..., Path]) -> None:
    folder = edited(
        stub=[("schema: Company,", "schema: Compny,"), ("lost: [open]", "lost: [closed]")],
        files={"a.py": "import time\n", "b.py": "import random\n", "seed.yaml": "person: [{}]\ncontact: [{nam: x}]\n"},
    )
    text = faults(folder)
    assert len(text) == 6
    assert {part.partition(":")[0] for part in text} == {"/stub.yaml", "/seed.yaml", "/a.py", "/b.py"}


def test_nothing_of_a_faulty_stub_runs(edited: Callable[..., Path], tmp_path: Path) -> None:
    mark = "import dataclasses\ndataclasses.childproof_was_here = True\n"
    faults(edited(files={"a.py": mark, "b.py": "import time\n"}))
    assert not hasattr(dataclasses, "childproof_was_here")


def test_a_stub_does_not_shadow_anybodys_module(edited: Callable[..., Path]) -> None:
    load_stub(edited(files={"json.py": "X = 1\n", "more.py": "from .json import X\nY = X\n"}))
    assert hasattr(json, "dumps")
    assert "rules" not in sys.modules


def test_cases_that_nobody_can_read_are_a_fault(edited: Callable[..., Path]) -> None:
    """Bytes that are no text: beside the faults of other files, never a traceback."""
    folder = edited()
    (folder / "cases").mkdir(exist_ok=True)
    (folder / "cases" / "a.yaml").write_bytes(b"\xff\xfe\x00")
    (folder / "cases" / "b.yaml").write_text("case: x\n")
    with pytest.raises(InputError) as caught:
        load_cases(folder)
    assert [fault.found for fault in caught.value.faults][:2] == ["a file that can't be read as UTF-8", "a mapping"]
