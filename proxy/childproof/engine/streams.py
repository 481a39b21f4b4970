"""Replies that go on: what their steps and messages do in the world, each in a transaction and an entry of its own.

A step that changes nothing leaves neither entry nor number behind, so that a stream may look for news as often as it
likes. A message of a WebSocket always has its entry; a look at the world, for a WebSocket that follows it, has one if
it changes or says something. All of them are caused by the call that began the stream.
"""

import base64
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from childproof.ledger import trace_of
from childproof.model import Call, Frame, Part, Protocol, Reply, Step, Stream, Talk, Verdict, replace
from childproof.world import MOST, Transaction, World

from .callid import brought_trace, identify
from .jobs import Jobs
from .recording import Decision, Recording

FAILED = 1011  # RFC 6455, section 7.4.1: the server met something unexpected
NEWS = "NEWS"  # the method of what nobody sent: the world itself has changed
_TRACEBACK_LINES = 6


class _NothingChanged(Exception):
    """Undoes a transaction that has nothing to keep."""


class Streams(msgspec.Struct, frozen=True):
    """Carries streams on. `world` gives a world by name, `on_trouble` is told what could not even be recorded.

    `recordable` makes of a call and its decision one that may be recorded.
    """

    recording: Recording
    jobs: Jobs
    world: Callable[[str], World]
    on_trouble: Callable[[str], None]
    recordable: Callable[[Call, Decision], Decision]

    def carried(self, call: Call, call_id: str, decision: Decision, reply: Reply) -> Reply:
        """The same reply, whose stream or talk does by itself what it wants done in the world."""
        stream = reply.stream
        if isinstance(stream, Talk):

            def hear(frame: Frame) -> tuple[Frame, ...]:
                return self._heard(call, call_id, decision, stream, frame)

            look = None if stream.look is None else self._follower(call, call_id, decision, stream.look)
            return replace(reply, stream=Talk(stream.greeting, hear, look))
        if stream is not None:
            return replace(reply, stream=self._parts(call, call_id, decision, stream))
        return reply

    # parts

    def _parts(self, call: Call, call_id: str, decision: Decision, stream: Stream) -> Generator[Part, None, Any]:
        value: Any = None
        error: Exception | None = None
        try:
            while True:
                try:
                    item = stream.throw(error) if error is not None else stream.send(value)
                except StopIteration as end:
                    return end.value
                value = error = None
                if isinstance(item, Step):
                    try:
                        value = self._stepped(call, call_id, decision, item)
                    except Exception as failure:  # noqa: BLE001 (whatever it is: the stream's code hears of it)
                        error = failure
                else:
                    yield item
        finally:
            stream.close()

    def _stepped(self, call: Call, call_id: str, decision: Decision, step: Step) -> Any:
        started = time.perf_counter_ns()
        value: Any = None
        try:
            with self._transaction(call, call_id) as tx:
                value, effects = step.work(tx)
                _unless_nothing_changed(tx, effects)
                done = Decision(
                    decision.verdict,
                    operation=f"{decision.operation}: {step.name}",
                    fidelity=decision.fidelity,
                    effects=effects,
                )
                bare = replace(call, headers=(), body=b"")
                self.recording.call(bare, tx, self.recordable(bare, done), started, cause=call_id)
        except _NothingChanged:
            pass
        return value

    # messages

    def _heard(self, call: Call, call_id: str, decision: Decision, talk: Talk[Any], frame: Frame) -> tuple[Frame, ...]:
        started = time.perf_counter_ns()
        message = _message(call, frame.kind.upper(), frame.data)
        try:
            with self._transaction(call, call_id) as tx:
                step: Step = talk.hear(frame)
                frames: tuple[Frame, ...]
                frames, effects = step.work(tx)
                done = Decision(
                    decision.verdict, _told(frames), operation=step.name, fidelity=decision.fidelity, effects=effects
                )
                self.recording.call(message, tx, self.recordable(message, done), started, cause=call_id)
        except Exception as error:  # noqa: BLE001 (closed by default: said, recorded, ended)
            return self._failed(message, call_id, decision, error, started)
        return frames

    def _follower(
        self, call: Call, call_id: str, decision: Decision, look: Callable[[], Step]
    ) -> Callable[[], tuple[Frame, ...]]:
        """For a WebSocket that follows its world: what it says now; nothing where nothing has happened since it looked."""
        message = _message(call, NEWS, b"")
        seen = 0

        def news() -> tuple[Frame, ...]:
            nonlocal seen
            started = time.perf_counter_ns()
            frames: tuple[Frame, ...]
            try:
                if not self.world(call.world).stirred_since(seen):
                    return ()
                with self._transaction(call, call_id) as tx:
                    seen = tx.seq - 1
                    step = look()
                    frames, effects = step.work(tx)
                    if not frames:
                        _unless_nothing_changed(tx, effects)
                    done = Decision(
                        decision.verdict,
                        _told(frames),
                        operation=step.name,
                        fidelity=decision.fidelity,
                        effects=effects,
                    )
                    self.recording.call(message, tx, self.recordable(message, done), started, cause=call_id)
                    seen = tx.seq
            except _NothingChanged:
                return ()
            except Exception as error:  # noqa: BLE001 (closed by default: said, recorded, ended)
                return self._failed(message, call_id, decision, error, started)
            return frames

        return news

    def _failed(
        self, call: Call, call_id: str, decision: Decision, error: Exception, started: int
    ) -> tuple[Frame, ...]:
        head = "".join(traceback.format_exception(error)[-_TRACEBACK_LINES:])
        reason = f"an error inside childproof: {type(error).__name__}: {error}"
        frames = (Frame("close", b"internal error", FAILED),)
        verdict = Verdict(rule=decision.verdict.rule, reason=reason, stub=decision.verdict.stub)
        failed = Decision(verdict, _told(frames), operation=decision.operation, error=head)
        failed = self.recordable(call, failed)
        target = (failed.shown or call).target
        try:
            with self.world(call.world).transaction() as tx:
                identify(tx, brought_trace(call) or trace_of(call_id))
                self.recording.call(call, tx, failed, started, cause=call_id)
        except Exception as failure:  # noqa: BLE001 (nothing can be stored: end it all the same, and say so aloud)
            self.on_trouble(f"a message to {target} failed and could not be recorded: {failure}")
        else:
            self.on_trouble(f"a message to {target} failed: {reason}")
        return frames

    @contextmanager
    def _transaction(self, call: Call, call_id: str) -> Iterator[Transaction]:
        """A transaction for what follows a call; what was put off until now comes before it."""
        world = self.world(call.world)
        for left in range(MOST, -1, -1):
            with world.transaction() as tx:
                job = tx.earliest(tx.now())
                if job is not None and left:
                    self.jobs.perform(tx, job)
                    continue
                identify(tx, brought_trace(call) or trace_of(call_id))
                yield tx
                return


def _message(call: Call, method: str, body: bytes) -> Call:
    """What a WebSocket hears, as a call."""
    scheme = "wss" if call.tls else "ws"
    return replace(call, protocol=Protocol.WEBSOCKET, method=method, scheme=scheme, headers=(), body=body)


def _unless_nothing_changed(tx: Transaction, effects: tuple[Any, ...]) -> None:
    if not tx.changes and not effects:
        raise _NothingChanged


def _told(frames: tuple[Frame, ...]) -> Reply | None:
    """What was answered, for the record: a message as it is, several one a line; the status is that of a close."""
    if not frames:
        return None
    code = next((frame.code for frame in frames if frame.kind == "close"), 0)
    return Reply(code, (), b"\n".join(_shown(frame) for frame in frames))


def _shown(frame: Frame) -> bytes:
    match frame.kind:
        case "text":
            return frame.data
        case "bytes":
            return b"base64:" + base64.b64encode(frame.data)
        case "close":
            return b"[close %d %s]" % (frame.code, frame.data)
        case _:
            return b"[ping]"
