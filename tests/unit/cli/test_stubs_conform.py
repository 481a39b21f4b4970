"""`childproof stubs conform`: what a ledger has of replies, against the stubs' documents."""

from pathlib import Path

import pytest

from childproof.ledger import Recorded
from tests.unit.cli.book import Book

DATA = str(Path(__file__).parents[2] / "data" / "stubs")
COMPANY = '{"id": "com_1", "object": "company", "name": "Acme", "size": 7, "created": 1767603600, "active": true}'


def replied(
    book: Book, body: str, *, status: int = 201, operation: str = "POST /v2/companies", **fields: object
) -> str:
    reply = Recorded((("content-type", "application/json"),), body, len(body), cut=bool(fields.pop("cut", False)))
    return book.call(stub="acme-crm", operation=operation, status=status, reply=reply, **fields).id


@pytest.mark.parametrize("world", [(), ("--world", "main")])
def test_replies_that_fit_are_counted(book, run, world) -> None:
    """And those that can't be checked are counted by why."""
    replied(book, COMPANY)
    replied(book, COMPANY[:30], cut=True)
    replied(book, "", status=204, operation="DELETE /v2/companies/{company}")
    book.call(operation=None, fidelity="gap", stub="acme-crm")
    book.call(verdict="deny", stub=None, operation=None)
    code, out, _ = run("stubs", "conform", "--stubs", DATA, *world)
    assert code == 0
    assert out.splitlines() == [
        "1 reply checked, 0 not as documented",
        "  1 not checked: a gap, which no document has",
        "  1 not checked: the document has no JSON schema for it",
        "  1 not checked: too long to be recorded whole",
    ]


def test_each_fault_is_told_with_its_call(book, run) -> None:
    """Exit code 1, the call's id, the place, what was found and expected."""
    call = replied(book, COMPANY.replace('"size": 7', '"size": "seven"').replace("}", ', "_hidden": 1}'))
    code, out, _ = run("stubs", "conform", "--stubs", DATA, "--service", "acme-crm")
    assert code == 1
    assert [line.partition("  ")[0] for line in out.splitlines()] == [
        call,
        call,
        "1 reply checked, 1 not as documented",
    ]
    assert '/size: "seven"; expected integer' in out
    assert "/_hidden: 1; expected nothing" in out


def test_what_is_masked_is_no_fault(book, run) -> None:
    """A card's number as a JSON number is no JSON any more in the ledger; a masked text may not fit its pattern."""
    replied(book, COMPANY.replace('"size": 7', '"size": ************4242'))
    code, out, _ = run("stubs", "conform", "--stubs", DATA)
    assert (code, out.splitlines()) == (
        0,
        ["0 replies checked, 0 not as documented", "  1 not checked: masked where it doesn't fit"],
    )


def test_a_stub_that_is_not_here_is_said(book, run) -> None:
    replied(book, COMPANY)
    code, out, _ = run("stubs", "conform")
    assert code == 0
    assert "1 not checked: the stub acme-crm isn't here; name its folder with --stubs" in out


def test_a_world_that_is_not_there_is_said(book, run) -> None:
    code, _, err = run("stubs", "conform", "--world", "nowhere")
    assert code == 1
    assert "nowhere" in err
