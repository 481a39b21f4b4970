"""What a fresh world begins with, as seed.yaml says it: entities as they are written, or a number of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.stubkit.folder.loading import load_stub
from tests.unit.stubkit.conftest import Caller


def test_a_number_of_entities_is_made_up_and_refers_to_what_is_there(variant: Callable[..., Caller]) -> None:
    """As in a world file: plural or singular, fields with `{n}` and `one_of`, references first."""
    text = """
deals: {count: 6, with: {currency: eur, note: "deal {n}", amount: {one_of: [100, 200]}}}
contact: {count: 3, with: {email: "c{n}@x.example"}}
companies: 2
"""
    call = variant(files={"seed.yaml": text})
    contacts = call("GET /v2/contacts")[1]["data"]
    assert sorted(one["email"] for one in contacts) == [f"c{number}@x.example" for number in (1, 2, 3)]
    companies = {one["id"] for one in call("GET /v2/companies")[1]["data"]}
    assert len(companies) == 2
    assert {one["company"] for one in contacts} <= companies
    with call.store.world("main").view() as view:
        deals = view.list("acme-crm", "deal", newest_first=False)
    assert [one["note"] for one in deals] == [f"deal {number}" for number in range(1, 7)]
    assert {one["amount"] for one in deals} == {100, 200}
    assert {one["contact"] for one in deals} <= {one["id"] for one in contacts}


def test_it_is_no_change_of_the_call_and_there_once(variant: Callable[..., Caller]) -> None:
    """The first call finds it; the second one doesn't plant it again."""
    call = variant(files={"seed.yaml": "companies: 2\n"})
    assert len(call("GET /v2/companies")[1]["data"]) == 2
    assert call.changes == ()
    assert len(call("GET /v2/companies")[1]["data"]) == 2


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("contacts: some", "1:1", "contacts: 'some'; expected a list, or a number up to 1000"),
        ("contacts: 1001", "1:1", "contacts: 1001; expected a list, or a number up to 1000"),
        ("contacts: {count: true}", "1:12", "contacts: True"),
        ("contacts: {cuont: 1}", "1:12", "unknown key 'cuont'; expected one of count, with"),
        ("contacts: {with: {nmae: x}}", "1:19", "unknown field 'nmae'; expected one of"),
        ("contacts: {with: 3}", "1:12", "contacts.with: 3; expected fields and values"),
        ("people: 3", "1:1", "unknown resource 'people'"),
        ("tokens: 3", "1:1", "tokens: no list"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(edited: Callable[..., Path], text: str, place: str, message: str) -> None:
    """When the stub is loaded, not with somebody's first call."""
    with pytest.raises(InputError) as caught:
        load_stub(edited(files={"seed.yaml": text}))
    [fault] = map(str, caught.value.faults)
    assert f"seed.yaml:{place}: " in fault
    assert message in fault
