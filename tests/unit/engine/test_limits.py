"""Limits in worlds: exact, carried by forks, and refused in the words of who would have answered."""

import multiprocessing
import threading
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from childproof.catalog import load_catalog
from childproof.engine import Engine
from childproof.ledger import Ledger
from childproof.model import Action, Call, Envelope, Protocol, Reply
from childproof.model.reply import header
from childproof.policy import Source, load_ruleset
from childproof.world import ClockSettings, Store

START = 1_767_603_600_000
CHARGE = Call(Protocol.HTTP, "api.stripe.com", 443, method="POST", scheme="https", path="/v1/customers")
TEAM = """
stub: team
summary: a stub of somebody else's
hosts: [api.team.example]
openapi: openapi.json
dialect:
  headers: {X-Team: here}
  rate_limit: {calls: 1000, per: 1m, headers: {X-Left: "{remaining}"}}
  errors: {status: 200, body: {ok: "no", why: "{code}"}, kinds: {rate_limited: {status: 420, code: calm_down}}}
"""
OPENAPI = """{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/things": {"get": {"responses": {
"200": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}}}}}}"""


def engine(path: str, rules: str, stubs: tuple[Path, ...] = (), clock: str = "frozen") -> Engine:
    """An engine over a store, with rules written as YAML."""
    store = Store.open(path, wall=lambda: START)
    store.ensure("main", seed=7, clock=ClockSettings(start=START, run=clock))  # type: ignore[arg-type]
    catalog = load_catalog(stubs)
    text = f"version: 1\nrules:\n{rules}"
    made = Engine(
        store=store,
        ledger=Ledger(store.connection, lock=store.lock),
        rules=load_ruleset([Source("rules", text)], stubs=catalog.names()),
        catalog=catalog,
        wall=lambda: START,
    )
    made.store = store  # type: ignore[attr-defined]
    return made


def stripe(limit: str) -> str:
    return f"  - {{name: s, match: {{host: api.stripe.com}}, stub: stripe, limit: {limit}}}"


def replied(one: Engine, call: Call) -> Reply:
    reply = one.handle(call).reply
    assert reply is not None
    return reply


def test_a_stub_refuses_in_its_vendors_words() -> None:
    """Stripe's error object at 429 with Retry-After, its request id, and nothing of ours; the ledger tells why."""
    one = engine(":memory:", stripe("{calls: 1, per: 1m}"))
    call = Call(**{**_fields(CHARGE), "headers": (("authorization", "Bearer sk_test_4eC39HqLyjWDarjtT1zdp7dc"),)})
    assert replied(one, call).status == 200
    outcome = one.handle(call)
    assert outcome.reply is not None
    assert outcome.reply.status == 429
    assert header(outcome.reply.headers, "retry-after") == "60"
    assert header(outcome.reply.headers, "request-id")
    assert header(outcome.reply.headers, "x-childproof") is None
    assert b'"code":"rate_limit"' in outcome.reply.body.replace(b" ", b"")
    assert b"childproof" not in outcome.reply.body
    assert (outcome.verdict.action, outcome.verdict.rule) == (Action.DENY, "s")
    assert outcome.verdict.reason == "the limit of 1 call per 1m is used up"


def test_any_stub_has_words_for_it(tmp_path: Path) -> None:
    """A user's stub: its own status, body and rate-limit headers, whatever status its other errors have."""
    folder = tmp_path / "team"
    folder.mkdir()
    (folder / "stub.yaml").write_text(TEAM)
    (folder / "openapi.json").write_text(OPENAPI)
    rule = "  - {name: t, match: {host: api.team.example}, stub: team, limit: {calls: 1, per: 90s}}"
    one = engine(":memory:", rule, (folder,))
    call = Call(Protocol.HTTP, "api.team.example", 443, method="GET", scheme="https", path="/things")
    assert replied(one, call).status == 200
    reply = replied(one, call)
    assert (reply.status, reply.body) == (420, b'{"ok":"no","why":"calm_down"}')
    told = {name.lower(): value for name, value in reply.headers}
    assert (told["x-team"], told["x-left"], told["retry-after"]) == ("here", "0", "90")


def test_mail_beyond_a_limit_is_452() -> None:
    """Not now, in SMTP: a client may try again, and a mail with people beyond the limit is not half delivered."""
    one = engine(
        ":memory:", "  - {name: m, match: {protocol: smtp}, stub: email, limit: {distinct: call.mail.to, max: 2}}"
    )
    statuses = [replied(one, _mail(*names)).status for names in (("a", "b"), ("B", "a"), ("a", "c"), ("b",))]
    assert statuses == [250, 250, 452, 250]
    assert replied(one, _mail("c")).body.startswith(b"4.7.1 ")


@pytest.mark.parametrize(
    ("action", "call", "status"),
    [
        ("allow: {}", CHARGE, 429),
        ("reply: {}", CHARGE, 429),
        ("reply: {}", "mail", 452),
        ("allow: {}", Call(Protocol.TCP, "db.example", 5432), 0),
    ],
)
def test_where_no_stub_answers_the_refusal_is_ours(action: str, call: Any, status: int) -> None:
    """With the reason for whoever asks why."""
    call = _mail("a") if call == "mail" else call
    one = engine(
        ":memory:", f"  - {{name: r, match: {{protocol: {call.protocol}}}, {action}, limit: {{calls: 1, per: 1m}}}}"
    )
    assert one.handle(call).verdict.action is not Action.DENY
    reply = replied(one, call)
    assert reply.status == status
    if status == 429:
        assert header(reply.headers, "x-childproof") == "deny"
        assert b"the limit of 1 call per 1m is used up" in reply.body


def test_a_call_beyond_a_limit_does_not_go_on_to_the_next_rule() -> None:
    """Else a limit on a stub would open the way to an allow below it."""
    rules = f"{stripe('{calls: 1}')}\n  - {{name: out, match: {{host: '*'}}, allow: {{}}}}"
    one = engine(":memory:", rules)
    assert one.handle(CHARGE).verdict.action is Action.STUB
    outcome = one.handle(CHARGE)
    assert (outcome.verdict.action, outcome.forward) == (Action.DENY, None)


def test_a_fork_carries_the_counts_and_counts_for_itself() -> None:
    """What was used before the fork is used in both; what is used in one is free in the other."""
    one = engine(":memory:", stripe("{calls: 3}"))
    one.handle(CHARGE)
    one.store.fork("main", "other")  # type: ignore[attr-defined]
    other = Call(**{**_fields(CHARGE), "world": "other"})
    assert [one.handle(call).verdict.action for call in (other, other, other)][-1] is Action.DENY
    assert [one.handle(CHARGE).verdict.action for _ in range(3)] == [Action.STUB, Action.STUB, Action.DENY]


def test_of_many_threads_exactly_the_limit_passes() -> None:
    """Twenty threads, forty calls, a limit of seventeen."""
    one = engine(":memory:", "  - {name: a, match: {host: '*'}, allow: {}, limit: {calls: 17, per: 1h}}")
    verdicts: list[Action] = []
    lock = threading.Lock()

    def work() -> None:
        for _ in range(2):
            with lock:  # the engine takes one thread at a time; which comes first is theirs to find out
                verdicts.append(one.handle(CHARGE).verdict.action)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(verdicts) == {Action.ALLOW: 17, Action.DENY: 23}


def test_of_many_processes_on_one_file_exactly_the_limit_passes(tmp_path: Path) -> None:
    """Each has an engine of its own; the world's rows are what they share."""
    path = str(tmp_path / "worlds.db")
    engine(path, _SUM).store.close()  # type: ignore[attr-defined]
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    workers = [context.Process(target=_spend, args=(path, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    passed = sum(results.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join(60)
    assert passed == 10  # 100 in all, ten a call, twenty-four calls


_SUM = "  - {name: a, match: {host: '*'}, allow: {}, limit: {sum: call.form.amount, max: 100}}"


def _spend(path: str, results: Any) -> None:
    one = engine(path, _SUM)
    form = (("content-type", "application/x-www-form-urlencoded"),)
    call = Call(**{**_fields(CHARGE), "headers": form, "body": b"amount=10"})
    results.put(sum(one.handle(call).verdict.action is Action.ALLOW for _ in range(8)))


def _fields(call: Call) -> dict[str, Any]:
    return {field.name: getattr(call, field.name) for field in fields(call) if field.init}


def _mail(*names: str) -> Call:
    envelope = Envelope("me@here.example", tuple(f"{name}@there.example" for name in names))
    text = b"From: me@here.example\r\nSubject: hi\r\n\r\nhello\r\n"
    return Call(Protocol.SMTP, "smtp.gmail.com", 587, method="MESSAGE", body=text, envelope=envelope)


def test_a_limit_that_is_not_enforced_lets_the_call_out_and_says_so() -> None:
    """In the entry, with the verdict as it is; the count stays where it was."""
    one = engine(":memory:", "  - {name: a, match: {host: '*'}, allow: {}, limit: {calls: 1}, enforce: false}")
    outcomes = [one.handle(CHARGE) for _ in range(3)]
    assert [outcome.forward is not None for outcome in outcomes] == [True] * 3
    entries = list(Ledger(one.store.connection).entries(world="main"))  # type: ignore[attr-defined]
    assert [[(would.rule, would.reason) for would in entry.would] for entry in entries] == [
        [],
        [("a", "the limit of 1 call is used up")],
        [("a", "the limit of 1 call is used up")],
    ]
