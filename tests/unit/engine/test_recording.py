"""Who watches is told of what is stored, and of nothing else; and never stands in a call's way."""

from dataclasses import dataclass, field

import pytest

from childproof.ledger import Entry
from childproof.model import Action, Upstream, Written
from childproof.policy import Rule

from .test_engine import POST, STUB, Bench, Shop


@dataclass
class Watcher:
    entries: list[tuple[Entry, tuple[Written, ...]]] = field(default_factory=list)
    ends: list[tuple[str, Upstream, int | None, str | None]] = field(default_factory=list)
    broken: bool = False

    def recorded(self, entry: Entry, written: tuple[Written, ...]) -> None:
        self.entries.append((entry, written))
        if self.broken:
            raise RuntimeError("nobody looks")

    def settled(
        self, call_id: str, upstream: Upstream, status: int | None, duration_us: int, error: str | None
    ) -> None:
        assert duration_us >= 0
        self.ends.append((call_id, upstream, status, error))
        if self.broken:
            raise RuntimeError("nobody looks")


def test_it_is_told_of_each_entry_with_what_was_written() -> None:
    watcher = Watcher()
    bench = Bench(STUB, watcher=watcher)
    outcome = bench.engine.handle(POST)
    [(entry, written)] = watcher.entries
    assert (entry.id, entry.verdict, entry.trace) == (outcome.call_id, "stub", bench.entries()[0].trace)
    assert [(one.service, one.kind, one.id) for one in written] == [("shop", "thing", "t1")]


def test_it_is_told_of_the_denial_and_not_of_what_was_undone() -> None:
    def boom() -> None:
        raise RuntimeError("the shop burns")

    watcher = Watcher()
    bench = Bench(STUB, stub=Shop(boom), watcher=watcher)
    bench.engine.handle(POST)
    assert [(entry.verdict, written) for entry, written in watcher.entries] == [("deny", ())]


def test_it_is_not_told_of_what_could_not_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher()
    bench = Bench(STUB, watcher=watcher)
    monkeypatch.setattr(bench.store._database, "commit", lambda: 1 / 0)
    bench.engine.handle(POST)
    assert watcher.entries == []


def test_it_is_told_how_an_allowed_call_ended() -> None:
    watcher = Watcher()
    bench = Bench(Rule("docs", Action.ALLOW), watcher=watcher)
    outcome = bench.engine.handle(POST)
    bench.engine.settle(outcome, Upstream(1, 1, 10, 20), None, "refused")
    assert watcher.ends == [(outcome.call_id, Upstream(1, 1, 10, 20), None, "refused")]


def test_what_it_raises_is_lost() -> None:
    watcher = Watcher(broken=True)
    bench = Bench(Rule("docs", Action.ALLOW), watcher=watcher)
    outcome = bench.engine.handle(POST)
    assert outcome.forward is not None
    bench.engine.settle(outcome, Upstream(), None)
    assert (len(watcher.entries), len(watcher.ends), bench.trouble) == (1, 1, [])
