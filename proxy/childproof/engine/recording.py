"""From a decision to its entry: what the ledger keeps of a call, in the transaction that the call's changes are in."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from childproof.ledger import Entry, Ledger, record
from childproof.model import Call, Effect, Forward, Reply, Upstream, Verdict
from childproof.world import Transaction

CLOCK = "clock"  # the protocol of what passing time does


@dataclass(frozen=True, slots=True)
class Decision:
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


class Recording:
    """Writes entries. `wall` gives the real time in unix milliseconds."""

    def __init__(self, ledger: Ledger, wall: Callable[[], int]) -> None:
        self._ledger = ledger
        self._wall = wall

    def call(self, call: Call, tx: Transaction, call_id: str, decision: Decision, started: int) -> None:
        """The entry of a call within its transaction. `started` is of `time.perf_counter_ns`."""
        reply, verdict = decision.reply, decision.verdict
        self._ledger.append(
            Entry(
                id=call_id,
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
                changes=tx.changes,
                effects=decision.effects,
                error=decision.error,
            )
        )

    def passed(
        self,
        tx: Transaction,
        call_id: str,
        method: str,
        target: str,
        reason: str,
        *,
        job: tuple[str | None, str | None] = (None, None),
        effects: tuple[Effect, ...] = (),
        error: str | None = None,
    ) -> None:
        """The entry of what time brought: a clock set or advanced, or with `job` (service, name) work that was due."""
        self._ledger.append(
            Entry(
                id=call_id,
                world=tx.world,
                sandbox="",
                seq=tx.seq,
                at=self._wall(),
                world_at=tx.now(),
                protocol=CLOCK,
                target=target,
                host="",
                port=0,
                method=method,
                path="",
                verdict="reply" if job[0] is None else "stub",
                rule=None,
                reason=reason,
                stub=job[0],
                operation=job[1],
                fidelity=None,
                status=None,
                duration_us=0,
                request=None,
                reply=None,
                changes=tx.changes,
                effects=effects,
                error=error,
            )
        )

    def settle(self, call_id: str, upstream: Upstream, reply: Reply | None, duration_us: int, error: str) -> None:
        """Complete the entry of a forwarded call. Raises where the ledger can't be written."""
        self._ledger.settle(
            call_id,
            upstream=upstream,
            status=reply.status if reply else None,
            reply=record(reply.headers, reply.body) if reply else None,
            duration_us=duration_us,
            error=error or None,
        )
