"""Mail of stubs: judged like any call, with an entry of its own; to a stub, or nowhere at all."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from childproof.model import Action, Call, Effect, Protocol, Reply
from childproof.policy import Rule, RuleFault
from childproof.world import OUTBOX, Transaction

from .test_engine import POST, STUB, Answer, Bench, Shop

MAIL = {"from": "no-reply@shop.example", "to": ["jenny@home.example"], "message": "Subject: Hi\r\n\r\nHello\r\n"}


@dataclass
class Writer(Shop):
    """Mails at each HTTP call, and takes mail itself."""

    payload: dict[str, Any] = field(default_factory=lambda: MAIL)
    taken: list[Call] = field(default_factory=list)

    def answer(self, call: Call, tx: Transaction) -> Answer:
        if call.protocol is Protocol.SMTP:
            self.then()
            self.taken.append(call)
            return Answer(Reply(250, (), b"OK"), effects=(Effect("shop", "taken", "m"),))
        tx.schedule(tx.now(), OUTBOX, "mail", self.payload)
        return Answer(Reply(200))


def bench_where_mail_is(rule: Rule | None, stub: Writer) -> Bench:
    """The shop's rule for HTTP, this one for mail."""
    bench = Bench(STUB, stub=stub)
    http, rules = bench.engine.rules.judge(POST), bench.engine.rules
    mail = Bench(rule).engine.rules.judge(POST)
    rules.judge = lambda call: mail if call.protocol is Protocol.SMTP else http  # type: ignore[method-assign]
    return bench


def test_mail_is_sent_right_after_the_call_that_queued_it() -> None:
    stub = Writer()
    bench = bench_where_mail_is(STUB, stub)
    outcome = bench.engine.handle(POST)
    assert outcome.reply == Reply(200)
    [call] = stub.taken
    assert (call.host, call.port, call.world, call.body) == ("home.example", 25, "main", MAIL["message"].encode())
    assert call.envelope is not None
    assert (call.envelope.sender, call.envelope.recipients) == (MAIL["from"], ("jenny@home.example",))
    paid, mail = bench.entries()
    assert (mail.protocol, mail.verdict, mail.status, mail.seq) == ("smtp", "stub", 250, 2)
    assert (mail.cause, mail.trace) == (paid.id, paid.trace)
    assert mail.effects == (Effect("shop", "taken", "m"),)
    bench.engine.handle(POST)
    assert [entry.protocol for entry in bench.entries()] == ["http", "smtp", "http", "smtp"]


@pytest.mark.parametrize(
    "rule",
    [
        Rule("out", Action.ALLOW),
        Rule("canned", Action.REPLY, reply=Reply(250, (), b"OK")),
        Rule("no", Action.DENY),
        None,
    ],
)
def test_what_is_not_stubbed_is_denied_and_never_forwarded(rule: Rule | None) -> None:
    """An allow lets an agent's mail out, not that of a fake."""
    stub = Writer()
    bench = bench_where_mail_is(rule, stub)
    assert bench.engine.handle(POST).reply == Reply(200)
    _, mail = bench.entries()
    assert (mail.verdict, mail.status, mail.settled, mail.rule) == ("deny", 550, True, rule.name if rule else None)
    assert mail.cause is not None
    assert stub.taken == []
    assert bench.engine._started == {}


@pytest.mark.parametrize("fault", ["status", "reset", "timeout"])
def test_a_fault_loses_the_mail_and_opens_nothing(fault: str) -> None:
    bench = bench_where_mail_is(Rule("shop", Action.STUB, stub="shop", fault=RuleFault(fault, 1.0, 451)), Writer())
    assert bench.engine.handle(POST).reply == Reply(200)
    _, mail = bench.entries()
    assert mail.verdict in {"stub", "deny"}
    assert (mail.status == 250) is False


def test_a_stub_that_fails_over_a_mail_leaves_the_call_that_sent_it_alone() -> None:
    def boom() -> None:
        raise RuntimeError("no post today")

    bench = bench_where_mail_is(STUB, Writer(then=boom))
    assert bench.engine.handle(POST).reply == Reply(200)
    paid, failed = bench.entries()
    assert (paid.error, failed.cause) == (None, paid.id)
    assert failed.error is not None
    assert failed.error.strip().endswith("RuntimeError: no post today")
    bench.engine.handle(POST)
    assert len(bench.entries()) == 4


def test_mail_to_no_host_that_could_be_is_denied() -> None:
    bench = bench_where_mail_is(STUB, Writer(payload={**MAIL, "to": ["jenny@..example"]}))
    bench.engine.handle(POST)
    _, mail = bench.entries()
    assert (mail.verdict, mail.host) == ("deny", "unknown")


def test_mail_that_a_kill_kept_back_goes_before_the_next_call() -> None:
    """It is queued in the call's own transaction."""
    stub = Writer()
    bench = bench_where_mail_is(STUB, stub)
    with bench.store.world("main").transaction() as tx:
        tx.schedule(tx.now(), OUTBOX, "mail", MAIL)
    bench.engine.handle(POST)
    assert [entry.protocol for entry in bench.entries()] == ["smtp", "http", "smtp"]


def test_a_store_that_fails_after_the_call_keeps_the_mail_and_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = Writer()
    bench = bench_where_mail_is(STUB, stub)
    with monkeypatch.context() as broken:
        broken.setattr(bench.engine._jobs, "send_mail", lambda tx, mail: 1 / 0)
        assert bench.engine.handle(POST).reply == Reply(200)
    assert stub.taken == []
    assert "waits for the next call" in bench.trouble[-1]
    bench.engine.handle(POST)
    assert len(stub.taken) == 2


def test_time_that_is_let_pass_delivers_too() -> None:
    stub = Writer()
    bench = bench_where_mail_is(STUB, stub)
    with bench.store.world("main").transaction() as tx:
        tx.schedule(tx.now() + 1000, OUTBOX, "mail", MAIL)
    passed = bench.engine.passing().advance(bench.store.world("main"), 5000)
    assert (passed.jobs, len(stub.taken)) == (1, 1)
