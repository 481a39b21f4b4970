"""Documents that nobody wrote for this: surfaces of real services, from REST to RPC.

`tests/data/openapi` holds names and types of each, as `childproof stubs derive` writes them; its README says from where.
"""

from pathlib import Path

import pytest

from childproof.model import Fidelity
from childproof.stubkit.document.openapi import load_openapi
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.making.coverage import rows, totals
from childproof.stubkit.making.rehearsal import rehearse
from childproof.stubkit.making.starter import start_stub
from childproof.stubkit.stub import Stub
from tests.unit.stubkit.conftest import DATA

# document -> operations, of these with state by their schema alone, and made up; resources that are tried
DOCUMENTS = {
    "adyen-checkout": (25, 7, 18, 2),
    "asana": (167, 124, 43, 6),
    "box": (260, 168, 92, 6),
    "digitalocean": (290, 191, 99, 6),
    "gitea": (346, 221, 125, 6),
    "google-calendar": (37, 28, 9, 2),
    "google-drive": (50, 41, 9, 2),
    "google-gmail": (79, 57, 22, 0),
    "launchdarkly": (105, 76, 29, 5),
    "slack": (174, 9, 165, 0),
    "twilio-chat": (54, 54, 0, 2),
    "xero-accounting": (224, 82, 142, 0),
}


@pytest.fixture(params=sorted(DOCUMENTS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def started(name: str, tmp_path: Path) -> Stub:
    """The stub that `stubs new` makes of a document, unchanged."""
    folder = start_stub(tmp_path / "stubs" / name, DATA / "openapi" / f"{name}.json", ["api.service.example"]).folder
    return load_stub(folder)


@pytest.fixture
def bare(name: str, tmp_path: Path) -> Stub:
    """The stub that hosts and the document make by themselves."""
    folder = tmp_path / "bare" / name
    folder.mkdir(parents=True)
    (folder / "openapi.json").write_bytes((DATA / "openapi" / f"{name}.json").read_bytes())
    (folder / "stub.yaml").write_text(f"stub: {name}\nhosts: [api.service.example]\nopenapi: openapi.json\n")
    return load_stub(folder)


def test_operations_have_the_fidelity_that_is_told(name: str, started: Stub) -> None:
    """How many keep state by their schema alone and how many are made up; nothing of the document is a gap."""
    found = rows(started)
    counts = totals(found)
    assert (len(found), counts[Fidelity.GENERIC], counts[Fidelity.SYNTHESIZED]) == DOCUMENTS[name][:3]


def test_what_was_tried_is_as_documented(name: str, started: Stub) -> None:
    """Created, retrieved, replaced, changed, listed, deleted, gone: every reply fits its schema."""
    tried = rehearse(started, 6)
    assert len(tried) == DOCUMENTS[name][3]
    assert [fault for one in tried for fault in one.faults] == []


def test_what_is_written_is_what_is_inferred(started: Stub, bare: Stub) -> None:
    """A stub.yaml that `stubs new` wrote and one that says nothing do the same, operation by operation."""
    assert bare.service.api is not None
    for operation in bare.service.api.operations():
        mine = started.service.plan(operation.method, operation.path)
        theirs = bare.service.plan(operation.method, operation.path)
        assert mine is not None
        assert theirs is not None
        assert (mine.action, mine.view, mine.wrap, mine.unwrap, mine.item) == (
            theirs.action, theirs.view, theirs.wrap, theirs.unwrap, theirs.item,
        )  # fmt: skip
        if mine.action in {"list", "search"}:
            assert mine.lists == theirs.lists, operation.name
        if mine.resource is not None and theirs.resource is not None:
            assert mine.resource.schema == theirs.resource.schema
            assert mine.resource.id_field == theirs.resource.id_field
            assert mine.resource.integer_id == theirs.resource.integer_id
            assert mine.resource.refs.keys() == theirs.resource.refs.keys()


def test_nothing_is_decoded_on_the_way_to_ready(name: str) -> None:
    """However large: what nobody calls stays bytes."""
    api = load_openapi(DATA / "openapi" / f"{name}.json")
    assert api._items == {}
    assert api._schemas == {}
