"""From a decision to its entry: what the ledger keeps of a call, in the transaction that the call's changes are in."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

import msgspec

from childproof.ledger import CLOCK, Entry, Ledger, record, timestamp
from childproof.model import Call, Effect, Forward, Reply, Upstream, Verdict, Would, Written, replace
from childproof.world import Job, Transaction


class Decision(msgspec.Struct, frozen=True):
    """What one call came to, before it is recorded."""

    verdict: Verdict
    reply: Reply | None = None
    forward: Forward | None = None
    operation: str | None = None
    fidelity: str | None = None
    effects: tuple[Effect, ...] = ()
    delay: float = 0.0
    fault: str = ""
    error: str | None = None
    would: tuple[Would, ...] = ()
    shown: Call | None = None  # recorded in the place of the call, which holds what may not be
    shown_reply: Reply | None = None  # the same for the reply


class Watcher(Protocol):
    """Who is told of entries once they are stored. Quick, since calls wait for it; what it raises is lost."""

    def recorded(self, entry: Entry, written: tuple[Written, ...]) -> None:
        """An entry, as it was before it was redacted, without its changes: those are `written`."""
        ...

    def settled(
        self, call_id: str, upstream: Upstream, status: int | None, duration_us: int, error: str | None
    ) -> None:
        """What became of a call that was let through, or whose reply went on."""
        ...


class Watchers:
    """Several who watch, each told whatever the others make of it."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def recorded(self, entry: Entry, written: tuple[Written, ...]) -> None:
        """See `Watcher`."""
        for watcher in self._watchers:
            with suppress(Exception):
                watcher.recorded(entry, written)

    def settled(
        self, call_id: str, upstream: Upstream, status: int | None, duration_us: int, error: str | None
    ) -> None:
        """See `Watcher`."""
        for watcher in self._watchers:
            with suppress(Exception):
                watcher.settled(call_id, upstream, status, duration_us, error)


class Recording:
    """Writes entries. `wall` gives the real time in unix milliseconds."""

    def __init__(self, ledger: Ledger, wall: Callable[[], int], watcher: Watcher | None = None) -> None:
        self._ledger = ledger
        self._wall = wall
        self._watcher = watcher

    def call(self, call: Call, tx: Transaction, decision: Decision, started: int, *, cause: str | None = None) -> None:
        """The entry of a call within its transaction. `started` is of `time.perf_counter_ns`."""
        reply, verdict = decision.shown_reply or decision.reply, decision.verdict
        call = decision.shown or call
        self._append(
            tx,
            Entry(
                id=tx.call_id,
                world=tx.world,
                sandbox=call.sandbox,
                seq=tx.seq,
                at=self._wall(),
                world_at=tx.now(),
                protocol=call.protocol.value,
                target=call.target,
                host=call.host,
                port=call.port,
                method=call.method,
                path=f"{call.path}?{call.query}" if call.query else call.path,
                verdict=verdict.action.value,
                rule=verdict.rule,
                reason=verdict.reason,
                stub=verdict.stub,
                operation=decision.operation,
                fidelity=decision.fidelity,
                status=reply.status if reply else None,
                duration_us=(time.perf_counter_ns() - started) // 1000,
                request=record(call.headers, call.body),
                reply=record(reply.headers, reply.body) if reply else None,
                changes=(),
                effects=decision.effects,
                error=decision.error,
                trace=tx.trace,
                cause=cause,
                would=decision.would,
            ),
        )

    def passed(self, tx: Transaction, method: str, target: str, reason: str) -> None:
        """The entry of a clock that was set or advanced."""
        self._append(tx, _of_time(tx, self._wall(), method, target, reason))

    def job(self, tx: Transaction, job: Job, effects: tuple[Effect, ...], error: str | None = None) -> None:
        """The entry of work that was due, done or not."""
        entry = _of_time(tx, self._wall(), "JOB", f"job {job.service} {job.job}", f"scheduled for {timestamp(job.at)}")
        self._append(
            tx,
            replace(
                entry,
                verdict="stub",
                stub=job.service,
                operation=job.job,
                effects=effects,
                error=error,
                cause=job.cause or None,
            ),
        )

    def settle(self, call_id: str, upstream: Upstream, reply: Reply | None, duration_us: int, error: str) -> None:
        """Complete the entry of a forwarded call. Raises where the ledger can't be written."""
        self._ledger.settle(
            call_id,
            upstream=upstream,
            status=reply.status if reply else None,
            reply=record(reply.headers, reply.body, whole=reply.size) if reply else None,
            duration_us=duration_us,
            error=error or None,
        )
        if self._watcher is not None:
            with suppress(Exception):  # as below
                self._watcher.settled(call_id, upstream, reply.status if reply else None, duration_us, error or None)

    def _append(self, tx: Transaction, entry: Entry) -> None:
        written = tx.written
        self._ledger.append(entry, written=written)
        if self._watcher is not None:
            tx.afterwards(partial(self._tell, entry, written))

    def _tell(self, entry: Entry, written: tuple[Written, ...]) -> None:
        assert self._watcher is not None
        with suppress(Exception):  # whoever watches stands in no call's way
            self._watcher.recorded(entry, written)


def _of_time(tx: Transaction, at: int, method: str, target: str, reason: str) -> Entry:
    return Entry(
        id=tx.call_id,
        world=tx.world,
        sandbox="",
        seq=tx.seq,
        at=at,
        world_at=tx.now(),
        protocol=CLOCK,
        target=target,
        host="",
        port=0,
        method=method,
        path="",
        verdict="reply",
        rule=None,
        reason=reason,
        stub=None,
        operation=None,
        fidelity=None,
        status=None,
        duration_us=0,
        request=None,
        reply=None,
        changes=(),
        effects=(),
        trace=tx.trace,
    )
