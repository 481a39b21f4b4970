"""Receipts: a live payment is told to the customer by mail, and payment and mail are one trace."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from childproof.engine import Engine
from childproof.ledger import Entry, Ledger
from childproof.model import Call, Protocol, replace
from childproof.policy import Source, load_ruleset
from childproof.world import ClockSettings, Store
from tests.stubs.inprocess import shipped_catalog

START = 1_767_603_600_000  # 2026-01-05T09:00:00Z
STRIPE = "  - {name: stripe, match: {host: api.stripe.com}, stub: stripe}\n"
MAIL = "  - {name: mail, match: {protocol: smtp}, stub: email}\n"
PAYMENT = {"amount": 42_000, "currency": "usd", "source": "tok_visa", "description": "Two chairs",
           "receipt_email": "jenny@shop.example"}  # fmt: skip


class Shop:
    def __init__(self, rules: str) -> None:
        catalog = shipped_catalog()
        self.store = Store.open(":memory:", wall=lambda: START)
        self.store.create("main", seed=7, clock=ClockSettings(START, "step"))
        self.ledger = Ledger(self.store.connection, lock=self.store.lock)
        text = f"version: 1\nrules:\n{rules}"
        self.engine = Engine(
            store=self.store,
            ledger=self.ledger,
            rules=load_ruleset([Source(Path("rules.yaml"), text)], stubs=catalog, include_roots=[]),
            catalog=catalog,
            wall=lambda: START,
        )

    def post(self, path: str, key: str = "sk_live_childproof123", **fields: Any) -> dict[str, Any]:
        headers = (("authorization", f"Bearer {key}"), ("content-type", "application/x-www-form-urlencoded"))
        call = Call(Protocol.HTTP, "api.stripe.com", 443, method="POST", scheme="https", path=path, headers=headers)
        reply = self.engine.handle(replace(call, body=urlencode(fields).encode())).reply
        assert reply is not None
        assert reply.status == 200, reply.body
        made: dict[str, Any] = msgspec.json.decode(reply.body)
        return made

    def entries(self) -> list[Entry]:
        return list(self.ledger.entries(world="main"))

    def mails(self) -> list[dict[str, Any]]:
        with self.store.world("main").view() as view:
            return view.list("email", "message", newest_first=False)


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop(STRIPE + MAIL)
    yield shop
    shop.store.close()


def test_a_live_payment_is_told_to_its_customer(shop: Shop) -> None:
    charge = shop.post("/v1/charges", **PAYMENT)
    [mail] = shop.mails()
    assert mail["envelope"] == {"from": "receipts+acct@stripe.com", "to": ["jenny@shop.example"]}
    assert mail["subject"] == f"Your Childproof receipt [#{charge['receipt_number']}]"
    assert mail["text"].splitlines()[:8] == [
        "Receipt from Childproof",
        f"Receipt #{charge['receipt_number']}",
        "",
        "Amount paid: $420.00",
        "Date paid: January 5, 2026",
        "Payment method: Visa - 4242",
        "",
        "Two chairs: $420.00",
    ]
    assert mail["defects"] == []


def test_payment_and_receipt_are_one_trace_and_the_receipt_names_its_cause(shop: Shop) -> None:
    shop.post("/v1/charges", **PAYMENT)
    paid, mail = shop.entries()
    assert (mail.protocol, mail.target, mail.stub, mail.status) == ("smtp", "SMTP shop.example:25", "email", 250)
    assert (mail.cause, mail.trace, mail.seq) == (paid.id, paid.trace, paid.seq + 1)
    assert [effect.type for effect in mail.effects] == ["message.sent"]
    assert shop.ledger.caused_by(paid.id) == [mail]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("  - {name: no, match: {protocol: smtp}, deny: {reason: no mail}}\n", "no mail"),
        (
            "  - {name: canned, match: {protocol: smtp}, reply: {status: 250, text: fine}}\n",
            "mail of a stub goes to a stub or nowhere; the rule says reply",
        ),
    ],
)
def test_where_the_rules_lead_mail_to_no_stub_it_is_recorded_and_goes_nowhere(rule: str, reason: str) -> None:
    shop = Shop(STRIPE + rule)
    shop.post("/v1/charges", **PAYMENT)
    _, mail = shop.entries()
    assert (mail.verdict, mail.stub, mail.status, mail.reason) == ("deny", None, 550, reason)
    assert mail.upstream.bytes_out == 0
    assert shop.mails() == []


def test_where_no_rule_speaks_of_mail_it_lies_in_the_mailbox_all_the_same() -> None:
    shop = Shop(STRIPE)
    shop.post("/v1/charges", **PAYMENT)
    _, mail = shop.entries()
    assert (mail.verdict, mail.rule, mail.stub) == ("stub", None, "email")
    assert len(shop.mails()) == 1


def test_refunds_are_told_too_and_a_pending_one_when_it_has_arrived(shop: Shop) -> None:
    charge = shop.post("/v1/charges", **PAYMENT)
    refund = shop.post("/v1/refunds", charge=charge["id"], amount=2_000)
    slow = shop.post("/v1/charges", **{**PAYMENT, "source": "tok_pendingRefund"})
    waiting = shop.post("/v1/refunds", charge=slow["id"])
    assert (waiting["status"], waiting["receipt_number"]) == ("pending", None)
    before = len(shop.mails())
    shop.store.world("main").set_clock(ClockSettings(START + 60_000, "frozen"))
    shop.post("/v1/customers")
    mails = shop.mails()
    assert [mail["subject"] for mail in mails] == [
        f"Your Childproof receipt [#{charge['receipt_number']}]",
        f"Your refund from Childproof [#{refund['receipt_number']}]",
        f"Your Childproof receipt [#{slow['receipt_number']}]",
        *[mails[-1]["subject"]],
    ]
    assert "Amount refunded: $20.00" in mails[1]["text"]
    assert (before, len(mails)) == (3, 4)
    asked = next(entry for entry in shop.entries() if any(effect.id == waiting["id"] for effect in entry.effects))
    job, mail = shop.entries()[-3:-1]
    assert (job.protocol, job.cause, mail.cause) == ("clock", asked.id, job.id)
    assert {asked.trace, job.trace, mail.trace} == {asked.trace}


@pytest.mark.parametrize(
    ("key", "more"),
    [("sk_test_childproof123", {}), ("sk_live_childproof123", {"receipt_email": ""}),
     ("sk_live_childproof123", {"capture": "false"})],
)  # fmt: skip
def test_test_mode_payments_without_an_address_and_mere_authorizations_are_not(
    shop: Shop, key: str, more: dict[str, str]
) -> None:
    charge = shop.post("/v1/charges", key, **{**PAYMENT, **more})
    assert charge["receipt_number"] is None
    assert len(shop.entries()) == 1


def test_a_captured_authorization_has_its_receipt_once_the_money_is_taken(shop: Shop) -> None:
    charge = shop.post("/v1/charges", **{**PAYMENT, "capture": "false"})
    shop.post(f"/v1/charges/{charge['id']}/capture", amount=1_000)
    [mail] = shop.mails()
    assert "Amount paid: $10.00" in mail["text"]


def test_another_address_gets_the_receipt_again(shop: Shop) -> None:
    charge = shop.post("/v1/charges", **PAYMENT)
    shop.post(f"/v1/charges/{charge['id']}", receipt_email="accounts@shop.example")
    shop.post(f"/v1/charges/{charge['id']}", description="Two chairs")
    first, second = shop.mails()
    assert second["envelope"]["to"] == ["accounts@shop.example"]
    assert first["subject"] == second["subject"]


def test_an_address_that_is_none_stops_no_payment(shop: Shop) -> None:
    shop.post("/v1/charges", **{**PAYMENT, "receipt_email": "jenny\r\nbcc: all@shop.example"})
    [paid] = shop.entries()
    assert [effect.type for effect in paid.effects if effect.type.startswith("mail")] == ["mail.unsendable"]


def test_the_same_payment_writes_the_same_letter() -> None:
    letters = []
    for _ in range(2):
        shop = Shop(STRIPE + MAIL)
        shop.post("/v1/charges", **PAYMENT)
        with shop.store.world("main").view() as view:
            letters.append(view.list("email", "source"))
    assert letters[0] == letters[1]
