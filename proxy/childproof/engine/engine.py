"""The engine: a call in, an outcome out, everything that it changed and its ledger entry in one transaction.

Closed by construction: every path that does not end in a reply or in permission to forward ends in a denial. An
exception of ours rolls the call's changes back, then writes the denial with the traceback's head in a transaction
of its own; where even that fails (a full disk), the denial goes out all the same and `on_trouble` hears of it.
"""

import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from childproof.catalog import Catalog
from childproof.errors import StoreError, WorldGoneError
from childproof.ledger import Ledger
from childproof.model import (
    Action,
    Call,
    Outcome,
    Part,
    Protocol,
    Reply,
    Stream,
    Upstream,
    Verdict,
    replace,
)
from childproof.model.places import Places
from childproof.policy import Judgement, Rule, Ruleset
from childproof.world import MOST, Store, Transaction, World

from .address import at_own_address
from .callid import brought_trace, identify
from .deliveries import NOWHERE, Deliveries
from .denial import denial, http_date
from .jobs import Jobs
from .passing import Passing
from .policies import Policies
from .recording import Decision, Recording, Watcher
from .shortfall import Missing, Shortfall
from .streams import Streams
from .vault import EMPTY, Vault

if TYPE_CHECKING:
    from childproof.stubkit.stub import Stub

DEFAULT_MAX_BODY = 10 * 1024 * 1024
UNRECORDED = "call_unrecorded"  # the id of a call that has no entry
_TRACEBACK_LINES = 6
_FORWARDED = frozenset({Protocol.HTTP, Protocol.SMTP, Protocol.TCP})  # nothing else has a way out


class Engine:
    """Judges and answers calls for all worlds of one store. Synchronous; one thread at a time."""

    def __init__(
        self,
        *,
        store: Store,
        ledger: Ledger,
        rules: Ruleset,
        catalog: Catalog,
        wall: Callable[[], int],
        vault: Vault = EMPTY,
        max_body: int = DEFAULT_MAX_BODY,
        on_trouble: Callable[[str], None] = lambda _: None,
        watcher: Watcher | None = None,
    ) -> None:
        self._store = store
        self._recording = Recording(ledger, wall, watcher)
        self.policies = Policies(rules, catalog, vault, max_body=max_body)
        self._jobs = Jobs(self._recording, self._stub, self._decide)
        self._wall = wall
        self._worlds: dict[str, World] = {}
        self._entered: dict[str, int] = {}  # by sandbox, the number of the world that it is in
        self._started: dict[str, tuple[int, str]] = {}  # of calls under way: the moment, the world
        self._on_trouble = on_trouble
        self._shortfall = Shortfall(on_trouble)
        self._streams = Streams(self._recording, self._jobs, self._world, on_trouble, self._recordable)

    @property
    def rules(self) -> Ruleset:
        """The rules in force, of all worlds that have none of their own (`policies`)."""
        return self.policies.common.rules

    @property
    def catalog(self) -> Catalog:
        """The stubs in force."""
        return self.policies.catalog

    @property
    def max_body(self) -> int:
        """The largest body in bytes that is judged."""
        return self.policies.max_body

    def replace_rules(
        self, rules: Ruleset, vault: Vault = EMPTY, *, catalog: Catalog | None = None, max_body: int | None = None
    ) -> None:
        """Use another, complete ruleset, the credentials that it names and the stubs that it leads to, from the next call on.

        Nothing in here can fail half-way. Replies that go on are finished by the stub that began them.
        """
        self.policies.replace(rules, vault, catalog=catalog, max_body=max_body)

    def may_allow(self, world: str, host: str, port: int) -> bool:
        """Whether any rule of this world could let an HTTP call to this host through."""
        return self.policies.of(world).rules.may_allow(host, port, Protocol.HTTP)

    def handle(self, call: Call) -> Outcome:
        """Judge and answer one call. Never raises: a bug of ours is a denial with a record."""
        started = time.perf_counter_ns()
        try:
            call_id, decision = self._answered(call, started)
        except Exception as error:  # noqa: BLE001 (whatever it is: deny, record, continue)
            call_id, decision = self._denied_by_bug(call, error, started)
        else:
            if self._shortfall:
                self._shortfall.over()
        reply = decision.reply
        if decision.forward is not None:
            self._started[call_id] = started, call.world
        elif reply is not None and reply.stream is not None:
            self._started[call_id] = started, call.world
            reply = self._streams.carried(call, call_id, decision, reply)
        return Outcome(
            call_id,
            decision.verdict,
            reply,
            decision.forward,
            decision.delay,
            decision.fault,  # type: ignore[arg-type]  # policy admits only Outcome's own words
        )

    def settle(self, outcome: Outcome, upstream: Upstream, reply: Reply | None, error: str = "") -> None:
        """Complete the record of a call that was forwarded, or whose reply went on: what left the machine, what came back."""
        started, world = self._started.pop(outcome.call_id, (None, ""))
        duration = 0 if started is None else (time.perf_counter_ns() - started) // 1000
        try:
            self._recording.settle(outcome.call_id, upstream, reply, duration, error)
        except Exception as failure:  # noqa: BLE001 (the bytes are gone; all that is left is to say so)
            self._shortfall.unfinished(world, failure)

    def passing(self) -> Passing:
        """What lets time pass in these worlds, by these rules and stubs."""
        return Passing(self._recording, self._jobs, self._wall)

    def deliveries(self, places: Places = NOWHERE, *, world_time: bool = False) -> Deliveries:
        """The webhooks of all worlds, to be sent by whoever does I/O. `places` are the listeners inside sandboxes.

        They are signed with the real time, which is that of listeners, or with the world's.
        """

        def began(call_id: str, started: int, world: str) -> None:
            self._started[call_id] = started, world

        return Deliveries(
            self._recording, self._stub, self._decide, self._recordable, self._store.known, self._wall,
            self._on_trouble, began, places, world_time,
        )  # fmt: skip

    def enter(self, sandbox: str, world: str) -> None:
        """From now on the calls of a sandbox are those of the world that has this name now, and of none that gets it later."""
        self._entered[sandbox] = self._store.known(world).id

    def leave(self, sandbox: str) -> None:
        """The sandbox has no more calls."""
        self._entered.pop(sandbox, None)

    def check_entered(self, sandbox: str, world: str) -> World:
        """The world of this name. Raises WorldGoneError where it isn't the one that the sandbox has entered."""
        found = self._world(world)
        if self._entered.get(sandbox, found.id) != found.id:
            raise WorldGoneError(
                f"the world {world} of this sandbox is gone; somebody deleted it, and another one has its name"
            )
        return found

    def forget(self, world: str) -> None:
        """A world was deleted: its own rules, and whatever else is kept in memory for it, go as well."""
        self._worlds.pop(world, None)
        self.policies.take(world)
        self._shortfall.forget(world)

    def missing(self, world: str | None = None) -> Missing:
        """What the ledger could not take of a world's calls, or of all."""
        return self._shortfall.all() if world is None else self._shortfall.of(world)

    def failed(self) -> int:
        """How many calls of worlds that are there the ledger could not take: what is wrong then is wrong for everybody."""
        return self._shortfall.failed()

    def _stub(self, name: str) -> "Stub":
        return self.policies.catalog.get(name)  # of now: stubs may be replaced

    def _world(self, name: str) -> World:
        world = self._worlds.get(name)
        if world is None:
            world = self._worlds[name] = self._store.known(name)
        return world

    def _answered(self, call: Call, started: int) -> tuple[str, Decision]:
        """What becomes of a call in the world of its name: another one, where that was made anew meanwhile for all but sandboxes."""
        try:
            return self._answered_in(self.check_entered(call.sandbox, call.world), call, started)
        except WorldGoneError:
            self._worlds.pop(call.world, None)
            return self._answered_in(self.check_entered(call.sandbox, call.world), call, started)

    def _answered_in(self, world: World, call: Call, started: int) -> tuple[str, Decision]:
        """A transaction for the call. What was put off until now comes before it, each job in one of its own."""
        for left in range(MOST, -1, -1):
            with world.transaction() as tx:
                job = tx.earliest(tx.now())
                if job is not None and left:
                    self._jobs.perform(tx, job)
                    continue
                call_id = identify(tx, brought_trace(call))
                decision = self._decide(call, tx, call_id)
                self._recording.call(call, tx, decision, started)
                break
        if tx.outbox:
            self._deliver(world, tx.outbox)
        if tx.passing:
            self._let_pass(world, tx.now() + tx.passing)
        return call_id, decision

    def _let_pass(self, world: World, until: int) -> None:
        """Let the time pass that a call asked for. It is over where that fails, and the rest waits for later calls."""
        try:
            self.passing().advance_to(world, until)
        except Exception as failure:  # noqa: BLE001 (the call itself is done and recorded)
            self._on_trouble(f"the time of world {world.name} has not passed as far as was asked: {failure}")

    def _deliver(self, world: World, mails: tuple[str, ...]) -> None:
        """Send the mail that a call has queued. What can't be sent now stays in the world, and goes before the next call."""
        try:
            for mail in mails:
                with world.transaction() as tx:
                    self._jobs.send_mail(tx, mail)
        except Exception as failure:  # noqa: BLE001 (the call itself is done and recorded)
            self._on_trouble(f"mail of world {world.name} waits for the next call: {failure}")

    def _recordable(self, call: Call, decision: Decision) -> Decision:
        return self.policies.of(call.world).checks.recordable(call, decision)  # those of now: rules may be replaced

    def _decide(self, call: Call, tx: Transaction, call_id: str) -> Decision:
        return self._recordable(call, self._decided(call, tx, call_id))

    def _decided(self, call: Call, tx: Transaction, call_id: str) -> Decision:
        if call.violation is not None:
            verdict = Verdict(reason=call.violation.reason, hint=_VIOLATION_HINTS.get(call.violation.kind, ""))
            return Decision(verdict, denial(call, verdict, call_id, at=tx.now(), status=call.violation.status))
        if call.protocol is Protocol.HTTP and len(call.body) > self.max_body:
            verdict = Verdict(reason=f"the body has {len(call.body)} bytes, at most {self.max_body} are judged")
            return Decision(verdict, denial(call, verdict, call_id, at=tx.now(), status=413))
        policy = self.policies.of(call.world)
        judgement = at_own_address(call, policy.rules.judge(call))
        checked = policy.checks.check(call, tx, call_id, judgement)
        return checked.of(checked.refused or self._carry_out(call, tx, call_id, judgement))

    def _carry_out(self, call: Call, tx: Transaction, call_id: str, judgement: Judgement) -> Decision:
        verdict, rule = judgement.verdict, judgement.rule
        delay = 0.0 if rule is None else _delay(rule, tx)
        fault = "" if rule is None or verdict.action is Action.DENY else _fault(rule, tx)
        if rule is not None and rule.fault is not None and fault == "status":
            return Decision(verdict, _failure(call, rule.fault.status, tx), delay=delay)
        if fault and verdict.action is Action.ALLOW:
            return Decision(verdict, delay=delay, fault=fault)
        decision = self._act(call, tx, call_id, verdict, rule, judgement.refused)
        if delay:
            decision = replace(decision, delay=delay)
        # The stub has acted and its reply gets lost: the case that idempotency keys exist for.
        return replace(decision, reply=None, fault=fault) if fault else decision

    def _act(  # noqa: PLR0917 (the parts of one decision)
        self, call: Call, tx: Transaction, call_id: str, verdict: Verdict, rule: Rule | None, refused: tuple[str, ...]
    ) -> Decision:
        match verdict.action:
            case Action.STUB if verdict.stub is not None:
                answer = self.policies.catalog.get(verdict.stub).answer(call, tx)
                if answer.error:
                    last = answer.error.strip().splitlines()[-1]
                    self._on_trouble(f"the stub {verdict.stub} failed: {last} (childproof show {call_id})")
                return Decision(
                    verdict,
                    answer.reply,
                    operation=answer.operation,
                    fidelity=answer.fidelity.value,
                    effects=answer.effects,
                    error=answer.error or None,
                )
            case Action.REPLY:
                return Decision(verdict, _canned(call, rule, tx))
            case Action.ALLOW if rule is not None and call.protocol in _FORWARDED:
                return Decision(verdict, forward=self.policies.of(call.world).checks.forward(call, rule, refused))
            case Action.DENY:
                return Decision(verdict, denial(call, verdict, call_id, at=tx.now()))
            case _:  # an allowed datagram, say: policy refuses such rules, and nothing depends on that here
                closed = Verdict(
                    rule=verdict.rule, reason=f"{call.protocol.upper()} can't be answered by {verdict.action}"
                )
                return Decision(closed, denial(call, closed, call_id, at=tx.now()))

    def _denied_by_bug(self, call: Call, error: Exception, started: int) -> tuple[str, Decision]:
        self._worlds.pop(call.world, None)  # it may be gone, and be made anew under its name
        head = "".join(traceback.format_exception(error)[-_TRACEBACK_LINES:])
        store = isinstance(error, StoreError)
        verdict = Verdict(reason=_trouble(error), hint=_STORE_HINT if store else _BUG_HINT)
        at = self._wall()
        try:
            with self.check_entered(call.sandbox, call.world).transaction() as tx:
                call_id, at = identify(tx, brought_trace(call)), tx.now()
                reply = denial(call, verdict, call_id, at=at, status=_bug_status(call))
                decision = self._recordable(call, Decision(verdict, reply, error=head))
                self._recording.call(call, tx, decision, started)
        except Exception as failure:  # noqa: BLE001 (nothing can be stored: still deny, and say so aloud)
            missed = self._shortfall.outlived if isinstance(failure, WorldGoneError) else self._shortfall.missed
            missed(call.world, failure)
            # The number that the call would have had is the next one's.
            reply = denial(call, verdict, UNRECORDED, at=at, status=_bug_status(call))
            return UNRECORDED, Decision(verdict, reply)
        if self._shortfall:
            self._shortfall.over()
        if store:  # it meets every call: the same words, said once
            self._on_trouble(f"calls are denied: {verdict.reason}")
        else:
            target = (self.policies.of(call.world).checks.shown(call) or call).target
            self._on_trouble(f"{target} was denied: {verdict.reason} (childproof show {call_id})")
        return call_id, decision


_STORE_HINT = "whoever runs childproof must act, the reason says how; calling again helps once that is done"
_BUG_HINT = "this is childproof's or a stub's fault, not yours; the ledger entry has the details"
_VIOLATION_HINTS = {
    "host_mismatch": "make the connection's target, the TLS server name and the Host header name the same host",
    "body_too_large": "send less, or raise limits.body in childproof.yaml",
}


def _canned(call: Call, rule: Rule | None, tx: Transaction) -> Reply:
    reply = rule.reply if rule is not None and rule.reply is not None else Reply(0)
    if call.protocol is not Protocol.HTTP:
        return reply
    if rule is not None and rule.parts:
        return replace(
            reply, headers=(("date", http_date(tx.now())), *reply.headers), stream=_piece_by_piece(rule.parts)
        )
    return replace(
        reply,
        headers=(("date", http_date(tx.now())), *reply.headers, ("content-length", str(len(reply.body)))),
    )


def _piece_by_piece(parts: tuple[Part, ...]) -> Stream:
    yield from parts
    return ()


def _delay(rule: Rule, tx: Transaction) -> float:
    """Seconds to wait before the reply, drawn from the world's randomness."""
    if rule.delay is None:
        return 0.0
    low, high = rule.delay.min_ms, rule.delay.max_ms
    return (low if low == high else tx.random("delay").randint(low, high)) / 1000


def _fault(rule: Rule, tx: Transaction) -> str:
    """The fault that strikes this call, if any: `status` instead of acting, `reset` and `timeout` after it."""
    if rule.fault is None or (rule.fault.rate < 1 and tx.random("fault").random() >= rule.fault.rate):
        return ""
    return rule.fault.kind


def _failure(call: Call, status: int, tx: Transaction) -> Reply:
    if call.protocol is Protocol.HTTP:
        return Reply(status, (("date", http_date(tx.now())), ("content-length", "0")))
    return Reply(status, (), b"4.3.0 temporary failure")


def _trouble(error: Exception) -> str:
    if isinstance(error, StoreError):
        return f"the world's store failed: {error}"
    return f"an error inside childproof: {type(error).__name__}: {error}"


def _bug_status(call: Call) -> int:
    match call.protocol:
        case Protocol.SMTP:
            return 451  # RFC 5321: local error in processing, the client may try again
        case Protocol.DNS:
            return 2  # SERVFAIL
        case _:
            return 0
