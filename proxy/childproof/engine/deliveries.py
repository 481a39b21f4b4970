"""Webhooks: which are due, what each attempt sends, and what became of it, in a transaction and an entry of its own.

The I/O is somebody else's: deliveries are handed out as values, and outcomes taken back. An attempt counts once its
outcome is stored; who is killed before that makes it again.
"""

import time
import traceback
from collections.abc import Callable, Container
from typing import Protocol

import msgspec

from childproof.errors import ChildproofError, StoreError
from childproof.model import Action, Call, Effect, Outcome, Reply, Verdict, replace
from childproof.model import Protocol as Spoken
from childproof.model.places import Place, PlaceError, Places
from childproof.world import Delivery, Job, Snapshot, Transaction, World, deliveries
from childproof.world.deliveries import Posting, Told

from .callid import identify
from .jobs import Judge
from .recording import Decision, Recording

_TRACEBACK_LINES = 6
_HINT = "name its listener with webhooks.deliver in childproof.yaml, or allow the call by a rule"


NOWHERE = Places()


class Poster(Protocol):
    """Who knows a service's webhooks: its stub."""

    def posting(self, delivery: Delivery, view: Snapshot, at: int) -> Posting | str:
        """What an attempt sends; or why the delivery isn't to be sent any more."""
        ...

    def told(self, delivery: Delivery, told: Told | str, tx: Transaction) -> tuple[Effect, ...]:
        """Keep what became of an attempt; its effects."""
        ...


class Parcel(msgspec.Struct, frozen=True):
    """One attempt: what is sent, and where to."""

    world: str
    delivery: Delivery
    posting: Posting
    place: Place

    @property
    def call(self) -> Call:
        """The attempt as a call: what rules judge, and what is recorded."""
        place = self.place
        headers = (("Host", place.authority), *self.posting.headers)
        return Call(
            Spoken.HTTP, place.host, place.port, self.world, method="POST", scheme=place.scheme, path=place.path,
            query=place.query, headers=headers, body=self.posting.body, tls=place.scheme == "https",
        )  # fmt: skip


class Attempt(msgspec.Struct, frozen=True):
    """What a listener made of it: its reply, None where none came, and why not. `where` is who was asked.

    `failure` is the reason in a word; see `Told`.
    """

    where: str
    reply: Reply | None
    reason: str = ""
    failure: str = ""

    def told(self, now: int, call_id: str) -> Told:
        """It as the world keeps it."""
        if self.reply is None:
            return Told(now, None, self.reason, call=call_id, failure=self.failure)
        return Told(now, self.reply.status, self.reason, call=call_id, failure=self.failure, body=self.reply.body)


class _Outdated(Exception):
    """Undoes a transaction: somebody else has made this attempt, or it is not to be made any more."""


class Deliveries(msgspec.Struct, frozen=True):
    """The webhooks of all worlds. `poster` gives a service's stub, `judge` decides on what leads elsewhere.

    `wall` is real time (unix ms): listeners compare it with their own clocks. `began` is told of calls that leave.
    """

    recording: Recording
    poster: Callable[[str], Poster]
    judge: Judge
    recordable: Callable[[Call, Decision], Decision]
    world: Callable[[str], World]
    wall: Callable[[], int]
    on_trouble: Callable[[str], None]
    began: Callable[[str, int, str], None]
    places: Places = NOWHERE
    world_time: bool = False

    def due(self, world: str, taken: Container[str] = (), most: int = 1000) -> list[Delivery]:
        """What is to be sent now, the oldest first, without those that are taken already. Raises StoreError."""
        found = self.world(world)
        with found.view() as view:
            return deliveries.due(found, view, taken, most)

    def prepared(self, world: str, delivery_id: str) -> Parcel | None:
        """The next attempt of a delivery; None where there is none: it was made, taken back, or leads nowhere.

        Signed now, so it is to be sent at once. Raises StoreError.
        """
        with self.world(world).view() as view:
            delivery = deliveries.find(view, delivery_id)
            if delivery is None or delivery.due is None or delivery.due > view.now():
                return None
            try:
                at = view.now() if self.world_time else self.wall()
                posting = self.poster(delivery.service).posting(delivery, view, at)
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 (a stub that is gone, or a bug in it: as undeliverable)
                posting = f"{type(error).__name__}: {error}"
        if isinstance(posting, str):
            self._close(world, delivery, posting)
            return None
        try:
            place = self.places.find(posting.url)
        except PlaceError as error:
            self._refuse(world, delivery, str(error))
            return None
        return Parcel(world, delivery, posting, place)

    def judged(self, parcel: Parcel) -> Outcome | None:
        """Ask the rules about an attempt that leads elsewhere; what may leave, None where it was answered or denied.

        What may leave ends with `Engine.settle` and `left`. Raises StoreError.
        """
        started = time.perf_counter_ns()
        call = parcel.call
        try:
            with self.world(parcel.world).transaction() as tx:
                call_id = identify(tx, parcel.delivery.trace)
                self._check(tx, parcel.delivery)
                decision = self.judge(call, tx, call_id)
                if decision.forward is None:
                    told = _told(decision, tx.now(), call_id)
                    if decision.verdict.action is Action.DENY:  # told to nobody, so there is no reply
                        verdict = replace(decision.verdict, hint=decision.verdict.hint or _HINT)
                        decision = replace(decision, verdict=verdict, reply=None)
                    effects = self._kept(tx, parcel.delivery, told)
                    decision = replace(decision, effects=(*decision.effects, *effects))
                decision = replace(decision, operation=decision.operation or f"webhook {parcel.delivery.type}")
                self.recording.call(call, tx, decision, started, cause=parcel.delivery.cause or None)
        except _Outdated:
            return None
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is: nothing leaves, and the record says so)
            head = "".join(traceback.format_exception(error)[-_TRACEBACK_LINES:])
            self._refuse(parcel.world, parcel.delivery, f"an error inside childproof: {error}", head)
            return None
        if decision.forward is None:
            return None
        self.began(call_id, started, parcel.world)
        return Outcome(call_id, decision.verdict, None, decision.forward)

    def made(self, parcel: Parcel, attempt: Attempt, started: int) -> None:
        """Record an attempt inside the sandbox, made since `started` (of `perf_counter_ns`). Raises StoreError."""
        delivery = parcel.delivery
        try:
            with self.world(parcel.world).transaction() as tx:
                identify(tx, delivery.trace)
                self._check(tx, delivery)
                effects = self._kept(tx, delivery, attempt.told(tx.now(), tx.call_id))
                verdict = Verdict(
                    Action.STUB, reason=f"a webhook to {attempt.where}, in the sandbox", stub=delivery.service
                )
                decision = Decision(
                    verdict,
                    attempt.reply,
                    operation=f"webhook {delivery.type}",
                    effects=effects,
                    error=attempt.reason or None,
                )
                call = parcel.call
                decision = self.recordable(call, decision)
                self.recording.call(call, tx, decision, started, cause=delivery.cause or None)
        except _Outdated:
            return

    def left(self, parcel: Parcel, outcome: Outcome, attempt: Attempt) -> None:
        """Keep what became of an attempt that a rule let out; its own entry is settled already. Raises StoreError."""
        delivery = parcel.delivery
        try:
            with self.world(parcel.world).transaction() as tx:
                identify(tx, delivery.trace)
                self._check(tx, delivery)
                effects = self._kept(tx, delivery, attempt.told(tx.now(), outcome.call_id))
                self._note(tx, delivery, effects, cause=outcome.call_id)
        except _Outdated:
            return

    # within

    def _close(self, world: str, delivery: Delivery, reason: str) -> None:
        """Take a delivery off that nobody waits for any more."""
        try:
            with self.world(world).transaction() as tx:
                identify(tx, delivery.trace)
                self._check(tx, delivery)
                try:
                    effects = self.poster(delivery.service).told(delivery, reason, tx)
                except ChildproofError:
                    raise
                except Exception:  # noqa: BLE001 (the stub is gone: what it would do is too)
                    deliveries.keep(tx, replace(delivery, state="canceled", due=None))
                    effects = ()
                self._note(tx, delivery, effects, cause=delivery.cause)
        except _Outdated:
            return

    def _refuse(self, world: str, delivery: Delivery, reason: str, error: str | None = None) -> None:
        """Record that nothing was sent: no rule could take what isn't even a call."""
        started = time.perf_counter_ns()
        call = Call(Spoken.HTTP, "unknown", 0, world, method="POST", scheme="http", path=delivery.url)
        try:
            with self.world(world).transaction() as tx:
                identify(tx, delivery.trace)
                self._check(tx, delivery)
                effects = self._kept(tx, delivery, Told(tx.now(), None, reason, refused=True, call=tx.call_id))
                decision = Decision(
                    Verdict(reason=reason, stub=delivery.service),
                    operation=f"webhook {delivery.type}", effects=effects, error=error,
                )  # fmt: skip
                decision = self.recordable(call, decision)
                self.recording.call(call, tx, decision, started, cause=delivery.cause or None)
        except _Outdated:
            return

    def _check(self, tx: Transaction, delivery: Delivery) -> None:
        now = deliveries.find(tx, delivery.id)
        if now is None or now.due is None or now.attempts != delivery.attempts:
            raise _Outdated

    def _kept(self, tx: Transaction, delivery: Delivery, told: Told) -> tuple[Effect, ...]:
        try:
            with tx.savepoint():
                return self.poster(delivery.service).told(delivery, told, tx)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 (an author's bug must not have it sent again and again)
            reason = f"{type(error).__name__}: {error}"
            last = {"at": told.at, "status": told.status, "reason": reason, "call": told.call}
            failed = replace(delivery, state="failed", due=None, attempts=delivery.attempts + 1, last=last)
            deliveries.keep(tx, failed)
            self.on_trouble(f"the webhook {delivery.id} of {delivery.service} failed: {reason}")
            return (Effect(delivery.service, "job.failed", delivery.id, {"job": "webhook", "error": reason}),)

    def _note(self, tx: Transaction, delivery: Delivery, effects: tuple[Effect, ...], *, cause: str) -> None:
        job = Job(delivery.id, delivery.due or tx.now(), delivery.service, f"webhook {delivery.type}", cause=cause)
        self.recording.job(tx, job, effects)


def _told(decision: Decision, now: int, call_id: str) -> Told:
    """What an attempt that didn't leave came to: a stub's answer, or a denial."""
    reply = decision.reply
    if decision.verdict.action in (Action.STUB, Action.REPLY):
        if reply is None:
            return Told(now, None, decision.fault or "no reply", call=call_id)
        if reply.stream is not None and hasattr(reply.stream, "close"):
            reply.stream.close()
        return Told(now, reply.status, call=call_id, body=reply.body)
    return Told(now, None, decision.verdict.reason, refused=True, call=call_id)


def send_again(recording: Recording, world: World, delivery_id: str) -> None:
    """Have a delivery sent once more, whatever became of it. LookupError where there is none."""
    with world.transaction() as tx:
        delivery = deliveries.find(tx, delivery_id)
        if delivery is None:
            raise LookupError(f"no delivery {delivery_id}")
        identify(tx, delivery.trace)
        deliveries.again(tx, delivery)
        recording.passed(tx, "REDELIVER", f"webhook {delivery_id}", "somebody asked for it")
