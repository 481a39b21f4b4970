"""Planting: everything is there, refers to what is there, in the order of time; the same file gives the same bytes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from childproof.catalog import load_catalog
from childproof.errors import InputError, StoreError
from childproof.stubkit.generic.references import references
from childproof.stubkit.invented.people import Crowd
from childproof.world import Store, worldfile

from .conftest import DATA, HEAD, NOW, Planter

CRM = """
people: 20
acme-crm:
  deals: {count: 30, over: 90d, with: {stage: {one_of: [open, won]}, currency: eur}}
  companies: 3
  contacts: {from: people, with: {status: active}}
"""


def held(store: Store, name: str, kind: str, service: str = "acme-crm") -> list[dict[str, Any]]:
    with store.world(name).view() as view:
        return view.list(service, kind, newest_first=False)


def test_a_stub_without_python_is_planted_by_its_document(planter: Planter, store: Store) -> None:
    """Numbers of entities, people as contacts, references among them: from stub.yaml and the schemas alone."""
    planter(CRM)
    assert planter.planted.people == 20
    companies = {value["id"] for value in held(store, "shop", "company")}
    contacts = held(store, "shop", "contact")
    deals = held(store, "shop", "deal")
    assert len(contacts) == 20
    assert len(deals) == 30
    assert {value["company"] for value in contacts} <= companies
    assert {value["contact"] for value in deals} <= {value["id"] for value in contacts}
    assert {value["stage"] for value in deals} == {"open", "won"}
    assert {value["currency"] for value in deals} == {"eur"}


def test_a_bare_document_will_do(tmp_path: Path, store: Store) -> None:
    """Hosts and an OpenAPI document, nothing else: resources, parents and fields are inferred."""
    bare = Planter(tmp_path, load_catalog([DATA / "bare" / "acme-crm"]), store)
    bare("people: 4\nacme-crm: {contacts: {from: people}, deals: {count: 9, with: {amount: 500}}}")
    contacts = held(store, "shop", "contact")
    assert [one["email"] for one in contacts] == [one.email for one in Crowd(7, 4)]
    deals = held(store, "shop", "deal")
    assert len(deals) == 9
    assert {one["amount"] for one in deals} == {500}
    assert {one["contact"] for one in deals} <= {one["id"] for one in contacts}


def test_people_are_the_same_for_every_service(planter: Planter, store: Store) -> None:
    """A contact in the CRM, a customer at Stripe and a mailbox are one person, by name and address."""
    planter(CRM + "stripe: {customers: 20}\nemail: {mailboxes: people}\n")
    contacts = {(one["name"], one["email"]) for one in held(store, "shop", "contact")}
    customers = {(one["name"], one["email"]) for one in held(store, "shop", "customer", "stripe")}
    boxes = {(one["name"], one["address"]) for one in held(store, "shop", "mailbox", "email")}
    assert contacts == customers == boxes
    assert len(contacts) == 20


def test_history_lies_before_the_start_and_in_order(planter: Planter, store: Store) -> None:
    """What was made over ninety days was made in these, and lists show it in that order."""
    planter(CRM)
    times = [value["created"] for value in held(store, "shop", "deal")]
    assert times == sorted(times)
    assert times[0] >= NOW // 1000 - 90 * 86_400
    assert times[-1] < NOW // 1000
    assert len(set(times)) > 20


def test_what_was_written_by_hand_is_there_as_written(planter: Planter, store: Store) -> None:
    """Ids and fields as given; the rest is completed by the schema."""
    planter("acme-crm: {companies: [{id: comp_a, name: Acme}], contacts: [{email: a@b.example, company: comp_a}]}")
    [contact] = held(store, "shop", "contact")
    assert contact["company"] == "comp_a"
    assert contact["status"] == "active"
    assert [one["name"] for one in held(store, "shop", "company") if one["id"] == "comp_a"] == ["Acme"]


REFUSED = {
    "a reference to nothing": (
        "acme-crm:\n  contacts: [{email: a@b.example, company: comp_9}]", "6:35",
        "has company: comp_9, which isn't there; expected the id of a company",
    ),
    "one address for two contacts": (
        "acme-crm:\n  contacts: [{email: a@b.example}, {email: a@b.example}]", "6:36",
        "acme-crm.contacts.1: acme-crm refuses it: A contact with this email exists already.",
    ),
    "more customers than people": ("people: 3\nstripe: {customers: 9}", "6:10", "9 customers, of 3 people"),
    "mailboxes of nobody": ("email: {mailboxes: people}", "5:9", "email.mailboxes: mailboxes of people, of whom there are"),
    "mail to nobody": ("email: {messages: [{to: people, subject: a}]}", "5:9", "messages to people, of whom there are none"),
    "entities from nobody": ("acme-crm: {contacts: {from: people}}", "5:12", "acme-crm.contacts: from people, of whom there"),
    "payments of nobody": ("stripe: {payments: {per_customer: 3}}", "5:10", "per_customer, without customers"),
    "payments without a number": ("stripe: {payments: {declined: 0.1}}", "5:10", "one of count and per_customer"),
    "what Stripe refuses": (
        "stripe: {customers: [{email: nobody}]}", "5:22", "stripe refuses it: Invalid email address: nobody",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "place", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_with_its_place_and_leaves_nothing(
    planter: Planter, store: Store, text: str, place: str, message: str
) -> None:
    """A file that is well-formed and asks for the impossible: its line, and no world."""
    with pytest.raises(InputError) as caught:
        planter("\n" + text)
    [fault] = map(str, caught.value.faults)
    assert f"shop.yaml:{place}: " in fault
    assert message in fault
    assert store.names() == []


def test_a_world_that_exists_is_left_alone(planter: Planter, exported: Callable[[str], str]) -> None:
    """A second planting of the same name is refused, and changes nothing."""
    planter(CRM)
    before = exported("shop")
    with pytest.raises(StoreError, match="has a world 'shop' already"):
        planter("people: 1")
    assert exported("shop") == before


def test_reset_forks_and_files_keep_the_seeds(
    planter: Planter, store: Store, exported: Callable[[str], str], tmp_path: Path
) -> None:
    """A reset world is as it was planted; forks and imported files have all of it."""
    planter(CRM)
    planted = exported("shop")
    with store.world("shop").transaction() as tx:
        for value in tx.list("acme-crm", "deal"):
            tx.delete("acme-crm", "deal", value["id"])
    assert exported("shop") != planted
    store.reset("shop", record=None)
    assert exported("shop") == planted
    fork = store.fork("shop", "shop/try")
    with fork.view() as view:
        assert view.count("acme-crm", "deal") == 30
    store.load(worldfile.read(planted, "shop.yaml"), "again")
    assert exported("again") == planted.replace("world: shop\n", "world: again\n")
    assert store.compare("shop", "again").changes == ()


def test_calls_after_it_get_other_ids_than_the_seeds(planter: Planter, store: Store) -> None:
    """The world's own calls begin with 1 again; what they make must not fall onto what was planted."""
    planter(CRM)
    known = {value["id"] for value in held(store, "shop", "deal")}
    service = planter._catalog.get("acme-crm").service
    for _ in range(20):
        with store.world("shop").transaction() as tx:
            assert service.registry.named("deal").new_id(tx) not in known


def test_a_real_clock_stands_until_the_first_call(planter: Planter, store: Store) -> None:
    """A world that was planted on Monday and is used on Thursday begins at its start all the same."""
    head = HEAD.replace("run: frozen", "run: real")
    world = planter("people: 1", head=head)
    store._database._wall = lambda: NOW + 5_000_000
    with world.transaction() as tx:
        assert tx.now() == NOW
    store._database._wall = lambda: NOW + 5_002_000
    with world.transaction() as tx:
        assert tx.now() == NOW + 2_000


def test_another_process_with_another_hash_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    """Nothing follows from the order of a set, an address or the moment."""
    (tmp_path / "shop.yaml").write_text(HEAD + CRM + "stripe: {customers: 5, payments: {count: 5}}\n")
    found = []
    for number in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": number, "CHILDPROOF_STUBS": str(DATA / "stubs" / "acme-crm")}
        run = [sys.executable, "-m", "childproof", "world"]
        for command in (["seed", "shop.yaml"], ["export", "shop"]):
            done = subprocess.run(
                [*run, *command, "--db", f"{number}.db"], cwd=tmp_path, env=environ, capture_output=True, check=True
            )
        found.append(done.stdout)
    assert found[0] == found[1]
    assert found[0].count(b"\n") > 1000


_SECTIONS = st.fixed_dictionaries(
    {
        "people": st.integers(1, 12),
        "customers": st.integers(0, 12),
        "cards": st.sampled_from([0, 0.5, 1]),
        "joined": st.sampled_from(["", ", over: 30d"]),
        "payments": st.integers(0, 15),
        "declined": st.sampled_from([0, 0.3, 1]),
        "refunded": st.sampled_from([0, 0.5, 1]),
        "deals": st.integers(0, 20),
        "seed": st.integers(0, 1000),
    }
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=_SECTIONS)
def test_every_world_is_referentially_complete_and_repeatable(
    tmp_path: Path, planter: Planter, sizes: dict[str, Any]
) -> None:
    """Whatever the sizes: each reference of each entity names one that is there, and a second planting is the same."""
    text = f"""
people: {sizes["people"]}
stripe:
  customers: {{count: {min(sizes["customers"], sizes["people"])}, with: {{payment_method: {sizes["cards"]}}}{sizes["joined"]}}}
  payments: {{count: {sizes["payments"]}, declined: {sizes["declined"]}, refunded: {sizes["refunded"]}, over: 20d}}
acme-crm: {{companies: 2, contacts: {{from: people}}, deals: {sizes["deals"]}}}
email: {{mailboxes: people, messages: [{{to: people, subject: Hello}}]}}
"""
    texts = []
    for _ in range(2):
        with Store.open(":memory:", wall=lambda: NOW) as store:
            planter._store = store
            planter(text, head=HEAD.replace("seed: 7", f"seed: {sizes['seed']}"))
            texts.append("\n".join(worldfile.write(store.export("shop"))))
            check(store, planter)
    assert texts[0] == texts[1]


def check(store: Store, planter: Planter) -> None:
    """Look every reference up, by other means than the planting does."""
    with store.world("shop").view() as view:
        for service, kind in view.kinds():
            owner = planter._catalog.get(service).service
            for value in view.list(service, kind):
                for reference in references(owner, owner.registry.named(kind)):
                    node: Any = value
                    for key in reference.path:
                        node = node.get(key) if isinstance(node, dict) else None
                    if isinstance(node, str) and node:
                        assert any(view.get(service, target, node) for target in reference.targets), (kind, node)
