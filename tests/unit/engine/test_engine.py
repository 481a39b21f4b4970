"""From a call to its outcome and entry: whatever goes wrong on the way, it ends in a denial and a record."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from childproof.engine import Engine
from childproof.ledger import Entry, Ledger
from childproof.model import (
    Action,
    Call,
    Effect,
    Envelope,
    Fidelity,
    Forward,
    Protocol,
    Reply,
    Upstream,
    Verdict,
    Violation,
)
from childproof.policy import Delay, Judgement, Limit, Rule, RuleFault
from childproof.world import ClockSettings, Store, Transaction

START = 1_767_603_600_000  # 2026-01-05T09:00:00Z


@dataclass
class Rules:
    """A ruleset that says the same of every call."""

    judgement: Judgement

    def judge(self, call: Call) -> Judgement:
        return self.judgement

    def may_allow(self, host: str, port: int, protocol: Protocol) -> bool:
        return True


@dataclass(frozen=True)
class Answer:
    reply: Reply
    operation: str | None = "POST /things"
    fidelity: Fidelity = Fidelity.MODELLED
    effects: tuple[Effect, ...] = ()
    error: str = ""


@dataclass
class Shop:
    """A stub that stores a thing per call, and then does what the test says."""

    then: Callable[[], None] = lambda: None
    replies: list[Reply] = field(default_factory=list)

    def answer(self, call: Call, tx: Transaction) -> Answer:
        number = tx.counter("shop", "things")
        tx.put("shop", "thing", f"t{number}", {"id": f"t{number}"})
        self.then()
        return Answer(
            Reply(200, (("content-type", "application/json"),), b"{}"), effects=(Effect("shop", "made", "t"),)
        )

    def limited(self, call: Call, tx: Transaction, retry_after: int) -> Reply:
        return Reply(429, (("retry-after", str(retry_after)),), b"slow down")


class Stubs:
    def __init__(self, stub: Shop) -> None:
        self.stub = stub

    def get(self, name: str) -> Shop:
        assert name == "shop"
        return self.stub

    def names(self) -> Iterable[str]:
        return ["shop"]


class Bench:
    """An engine over a store in memory, with one rule for everything."""

    def __init__(self, rule: Rule | None, *, stub: Shop | None = None, path: str = ":memory:", **options: Any) -> None:
        self.store = Store.open(path, wall=lambda: START)
        self.store.ensure("main", seed=7, clock=ClockSettings(start=START, run="step"))
        self.ledger = Ledger(self.store.connection)
        self.trouble: list[str] = []
        verdict = Verdict(reason="no rule matches (default: deny)") if rule is None else verdict_of(rule)
        self.engine = Engine(
            store=self.store,
            ledger=self.ledger,
            rules=Rules(Judgement(verdict, rule)),  # type: ignore[arg-type]
            catalog=Stubs(stub or Shop()),  # type: ignore[arg-type]
            wall=lambda: START,
            on_trouble=self.trouble.append,
            **options,
        )

    def entries(self) -> list[Entry]:
        return list(self.ledger.entries(world="main"))

    def things(self) -> list[str]:
        with self.store.world("main").view() as view:
            return [thing["id"] for thing in view.list("shop", "thing")]


def verdict_of(rule: Rule) -> Verdict:
    return Verdict(rule.action, rule.name, f"rule {rule.name}", stub=rule.stub)


STUB = Rule("shop", Action.STUB, stub="shop")
POST = Call(Protocol.HTTP, "api.shop.example", 443, method="POST", scheme="https", path="/things", body=b"a=1")


def test_a_call_that_no_rule_matches_is_denied_with_one_contract() -> None:
    bench = Bench(None)
    outcome = bench.engine.handle(POST)
    assert outcome.reply is not None
    assert outcome.reply.status == 403
    assert ("x-childproof", "deny") in outcome.reply.headers
    error = json.loads(outcome.reply.body)["error"]
    assert error["type"] == "childproof_denied"
    assert error["reason"] == "no rule matches (default: deny)"
    assert error["call"] == outcome.call_id
    [entry] = bench.entries()
    assert (entry.id, entry.verdict, entry.status) == (outcome.call_id, "deny", 403)
    assert entry.upstream == Upstream()


def test_a_stubbed_call_is_answered_and_recorded_with_its_changes_and_effects() -> None:
    bench = Bench(STUB)
    outcome = bench.engine.handle(POST)
    assert outcome.reply == Reply(200, (("content-type", "application/json"),), b"{}")
    [entry] = bench.entries()
    assert (entry.stub, entry.operation, entry.fidelity) == ("shop", "POST /things", "modelled")
    assert [(change.id, change.before) for change in entry.changes] == [("t1", None)]
    assert entry.effects == (Effect("shop", "made", "t"),)
    assert entry.request is not None
    assert entry.request.body == "a=1"
    assert bench.things() == ["t1"]


def test_a_stub_that_raises_is_a_denial_with_the_traceback_and_without_its_changes() -> None:
    def boom() -> None:
        raise RuntimeError("the shop burns")

    bench = Bench(STUB, stub=Shop(boom))
    outcome = bench.engine.handle(POST)
    assert outcome.reply is not None
    assert outcome.reply.status == 403
    assert outcome.forward is None
    [entry] = bench.entries()
    assert entry.verdict == "deny"
    assert "the shop burns" in (entry.error or "")
    assert "in boom" in (entry.error or "")
    assert bench.things() == []
    assert bench.trouble


def test_the_engine_lives_on_after_a_bug() -> None:
    shop = Shop(lambda: (_ for _ in ()).throw(ValueError("once")))  # type: ignore[arg-type]

    def boom() -> None:
        raise ValueError("once")

    shop.then = boom
    bench = Bench(STUB, stub=shop)
    bench.engine.handle(POST)
    shop.then = lambda: None
    outcome = bench.engine.handle(POST)
    assert outcome.reply is not None
    assert outcome.reply.status == 200
    assert bench.things() == ["t1"]


def test_a_store_that_can_not_be_written_means_denials_not_silence(tmp_path: Path) -> None:
    bench = Bench(STUB, path=str(tmp_path / "world.db"))
    bench.engine.handle(POST)
    bench.store.close()
    outcome = bench.engine.handle(POST)
    assert outcome.reply is not None
    assert outcome.reply.status == 403
    assert "can't be recorded" in bench.trouble[-1]


def test_an_unknown_world_is_a_denial() -> None:
    bench = Bench(STUB)
    outcome = bench.engine.handle(Call(Protocol.TCP, "203.0.113.7", 4444, world="nowhere"))
    assert outcome.verdict.action is Action.DENY
    assert bench.trouble


@pytest.mark.parametrize(("kind", "status"), [("host_mismatch", 0), ("malformed", 400), ("body_too_large", 413)])
def test_a_violation_is_denied_without_asking_the_rules(kind: str, status: int) -> None:
    bench = Bench(STUB)
    call = Call(Protocol.HTTP, "api.shop.example", 443, violation=Violation(kind, "because", status))
    outcome = bench.engine.handle(call)
    assert outcome.reply is not None
    assert outcome.reply.status == (status or 403)
    assert bench.entries()[0].reason == "because"
    assert bench.things() == []


def test_a_body_over_the_limit_is_413_and_never_judged() -> None:
    bench = Bench(Rule("out", Action.ALLOW), max_body=2)
    outcome = bench.engine.handle(POST)
    assert outcome.reply is not None
    assert outcome.reply.status == 413
    assert outcome.forward is None


def test_exactly_the_limit_passes_and_the_window_reopens() -> None:
    bench = Bench(Rule("shop", Action.STUB, stub="shop", limits=(Limit(2, 10_000),)))
    statuses = [reply.status for _ in range(12) if (reply := bench.engine.handle(POST).reply)]
    assert statuses == [200, 200, *[429] * 8, 200, 200]  # a second a call: call 11 is 10 s after the first
    denied = bench.entries()[2]
    assert denied.reason == "the limit of 2 calls per 10s is used up"


def test_a_mail_session_without_a_message_takes_nothing_from_a_limit() -> None:
    bench = Bench(Rule("mail", Action.STUB, stub="shop", limits=(Limit(1, 60_000),)))
    session = Call(Protocol.SMTP, "smtp.gmail.com", 587, method="SESSION", envelope=Envelope("", ()))
    message = Call(Protocol.SMTP, "smtp.gmail.com", 587, method="MESSAGE", envelope=Envelope("a@b.c", ("d@e.f",)))
    verdicts = [bench.engine.handle(call).verdict.action for call in (session, message, session, message)]
    assert verdicts == [Action.STUB, Action.STUB, Action.STUB, Action.DENY]


def test_a_limit_tells_when_to_come_back() -> None:
    bench = Bench(Rule("shop", Action.STUB, stub="shop", limits=(Limit(1, 10_000),)))
    bench.engine.handle(POST)
    reply = bench.engine.handle(POST).reply
    assert reply is not None
    assert ("retry-after", "9") in reply.headers


def test_allow_gives_permission_for_the_judged_host_only_and_settles_later() -> None:
    bench = Bench(Rule("out", Action.ALLOW, networks=("10.0.0.0/8",)))
    outcome = bench.engine.handle(POST)
    assert outcome.forward == Forward("api.shop.example", 443, ("10.0.0.0/8",))
    assert outcome.reply is None
    bench.engine.settle(outcome, Upstream(1, 1, 120, 300), Reply(201, (), b"made"))
    [entry] = bench.entries()
    assert (entry.status, entry.upstream) == (201, Upstream(1, 1, 120, 300))


def test_udp_is_never_forwarded_whatever_a_rule_says() -> None:
    bench = Bench(Rule("out", Action.ALLOW))
    outcome = bench.engine.handle(Call(Protocol.UDP, "203.0.113.7", 443))
    assert outcome.forward is None
    assert outcome.verdict.action is Action.DENY
    assert bench.entries()[0].verdict == "deny"


def test_a_canned_reply_is_completed_with_date_and_length() -> None:
    rule = Rule("no", Action.REPLY, reply=Reply(402, (("content-type", "application/json"),), b"{}"))
    reply = Bench(rule).engine.handle(POST).reply
    assert reply is not None
    assert reply.headers[0] == ("date", "Mon, 05 Jan 2026 09:00:00 GMT")
    assert ("content-length", "2") in reply.headers


def test_a_status_fault_strikes_before_the_stub_acts() -> None:
    bench = Bench(Rule("shop", Action.STUB, stub="shop", fault=RuleFault("status", 503)))
    reply = bench.engine.handle(POST).reply
    assert reply is not None
    assert reply.status == 503
    assert bench.things() == []


def test_a_reset_loses_the_reply_of_work_that_was_done() -> None:
    bench = Bench(Rule("shop", Action.STUB, stub="shop", fault=RuleFault("reset")))
    outcome = bench.engine.handle(POST)
    assert (outcome.reply, outcome.fault) == (None, "reset")
    assert bench.things() == ["t1"]


def test_a_fault_never_opens_the_way_out() -> None:
    outcome = Bench(Rule("out", Action.ALLOW, fault=RuleFault("reset"))).engine.handle(POST)
    assert (outcome.forward, outcome.fault) == (None, "reset")


def test_faults_and_delays_are_drawn_from_the_world_and_repeat_with_its_seed() -> None:
    rule = Rule("shop", Action.STUB, stub="shop", fault=RuleFault("status", 503, 0.5), delay=Delay(10, 500))

    def run() -> list[tuple[int, float]]:
        bench = Bench(rule)
        outcomes = [bench.engine.handle(POST) for _ in range(30)]
        return [(outcome.reply.status, outcome.delay) for outcome in outcomes if outcome.reply]

    first = run()
    assert first == run()
    assert {status for status, _ in first} == {200, 503}
    assert len({delay for _, delay in first}) > 10
    assert all(0.01 <= delay <= 0.5 for _, delay in first)


def test_a_denied_mail_is_refused_in_smtps_words() -> None:
    call = Call(Protocol.SMTP, "smtp.gmail.com", 587, envelope=Envelope("a@example.com", ("b@example.com",)))
    reply = Bench(None).engine.handle(call).reply
    assert reply is not None
    assert reply.status == 550
    assert reply.body == b"5.7.1 childproof: no rule matches (default: deny)"


def test_replies_and_call_ids_are_the_same_for_the_same_seed_and_calls() -> None:
    def run() -> list[Any]:
        bench = Bench(None)
        return [bench.engine.handle(POST) for _ in range(3)]

    first = run()
    assert first == run()
    assert len({outcome.call_id for outcome in first}) == 3
