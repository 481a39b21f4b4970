"""Sends what worlds have queued, at its time: in order for each listener, side by side for several.

Calls never wait for it: the engine hands deliveries out and takes outcomes back, each in a moment of its own.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import Self

from childproof.capture.dialer import DialError, dial
from childproof.engine.deliveries import Attempt, Deliveries, Parcel
from childproof.errors import WorldGoneError
from childproof.model import Outcome, Reply, Upstream
from childproof.model.places import Listener
from childproof.world import Delivery

from .client import ExchangeError, Traffic, post

Connect = Callable[[str, int], Awaitable[socket.socket]]  # to an address of the sandbox's loopback; raises OSError
Settle = Callable[[Outcome, Upstream, Reply | None, str], None]
LOOK_SECONDS = 0.5  # between two looks for what other processes, or the clock, made due
PATIENCE = 1.0  # a listener that takes longer gets its next message meanwhile
AT_ONCE = 32  # attempts of a world under way: one sandbox's slow listeners hold up no other's
MOST = 256  # attempts of a world that are under way or stand in line; the rest waits in the world
SHARE = 0.05  # of the time goes into looks, at most: with a thousand worlds there are fewer
GRACE = 1.0  # at the end, for what is under way
PAUSE = 5.0  # before an attempt whose outcome could not be stored is made again


@dataclass(slots=True)
class _Turn:
    """One delivery's place in its listener's line."""

    world: str
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Deliverer:
    """Delivers for some worlds, which may become more and fewer (`join`, `leave`). Use `async with`; leaving it ends what is under way; what has no outcome by then stays queued.

    `connect` reaches listeners in the sandbox; None where there are none, so that only rules can let a webhook go. `closed`
    are our own ports, to which no rule can.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        settle: Settle,
        worlds: Sequence[str],
        *,
        connect: Connect | None,
        roots: ssl.SSLContext | None = None,
        closed: Container[int] = (),
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._deliveries = deliveries
        self._settle = settle
        self._connect = connect
        self._own: dict[str, Connect] = {}  # of worlds whose sandboxes have a loopback of their own
        self._roots = roots
        self._closed = closed
        self._say = say
        self._stirred = asyncio.Event()
        self._in_want = set(worlds)  # of a look, before the next one at all of them
        self._busy: set[tuple[str, str]] = set()
        self._lines: dict[tuple[str, str, str], _Turn] = {}
        self._tasks: dict[asyncio.Task[None], _Turn] = {}
        self._room = {world: asyncio.Semaphore(AT_ONCE) for world in worlds}
        self._looking: asyncio.Task[None] | None = None
        self._failing = ""

    def stir(self, world: str) -> None:
        """Have it looked at once: something was queued. Called in the loop's thread."""
        if world in self._room:
            self._in_want.add(world)
            self._stirred.set()

    def use(self, deliveries: Deliveries) -> None:
        """Go on with others, from the next attempt on: what leads where has changed."""
        self._deliveries = deliveries
        self._in_want.update(self._room)
        self._stirred.set()

    def join(self, world: str, connect: Connect | None = None) -> None:
        """Deliver for one more world. `connect` reaches its own sandbox's loopback, in the place of everybody's."""
        self._room.setdefault(world, asyncio.Semaphore(AT_ONCE))
        if connect is not None:
            self._own[world] = connect
        self.stir(world)

    def leave(self, world: str) -> None:
        """Deliver no more for a world: what is under way ends, and what has no outcome stays queued there."""
        self._room.pop(world, None)
        self._own.pop(world, None)
        self._in_want.discard(world)
        for task in [task for task, turn in self._tasks.items() if turn.world == world]:
            task.cancel()

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(self._look_forever())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._looking is not None
        self._looking.cancel()
        under_way = {task for task, turn in self._tasks.items() if turn.begun.is_set()}
        for task in self._tasks.keys() - under_way:
            task.cancel()
        if under_way:  # a reply that has come is to be recorded
            await asyncio.wait(under_way, timeout=GRACE)
        tasks = [self._looking, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_forever(self) -> None:
        loop = asyncio.get_running_loop()
        all_at = loop.time()  # when all worlds are to be looked at
        while True:
            self._stirred.clear()
            started, every = loop.time(), loop.time() >= all_at
            wanted, self._in_want = [*self._room] if every else [*self._in_want], set()
            for world in wanted:
                try:
                    busy = self._busy_in(world)
                    for delivery in self._deliveries.due(world, busy, MOST - len(busy)):
                        self._take(world, delivery)
                except WorldGoneError:
                    continue  # it may be made again
                except Exception as error:  # noqa: BLE001 (the store, or a bug of ours: others' go out all the same)
                    if str(error) != self._failing:
                        self._failing = str(error)
                        self._say(f"webhooks of world {world} wait: {error}")
            if every:
                all_at = loop.time() + max(LOOK_SECONDS, (loop.time() - started) / SHARE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(all_at):
                    await self._stirred.wait()

    def _busy_in(self, world: str) -> frozenset[str]:
        return frozenset(delivery for place, delivery in self._busy if place == world)

    def _take(self, world: str, delivery: Delivery) -> None:
        key = (world, delivery.id)
        self._busy.add(key)
        line = (world, delivery.service, delivery.subscription or delivery.url)
        before, turn = self._lines.get(line), _Turn(world)
        self._lines[line] = turn
        task = asyncio.create_task(self._deliver(world, delivery.id, before, turn))
        self._tasks[task] = turn

        def over(done: asyncio.Task[None]) -> None:
            self._tasks.pop(done, None)
            turn.begun.set()
            turn.ended.set()
            if self._lines.get(line) is turn:
                del self._lines[line]
            if not done.cancelled() and done.exception() is not None:
                if not isinstance(done.exception(), _EndedError):
                    self._say(f"the webhook {delivery.id} waits: {done.exception()}")
                asyncio.get_running_loop().call_later(PAUSE, self._busy.discard, key)
            else:
                self._busy.discard(key)
            if len(self._busy_in(world)) <= MOST // 2:  # there is room again, worth a look at what else is due
                self.stir(world)

        task.add_done_callback(over)

    async def _deliver(self, world: str, delivery_id: str, before: _Turn | None, turn: _Turn) -> None:
        if before is not None:
            await before.begun.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await before.ended.wait()
        room = self._room.get(world)
        if room is None:
            return
        async with room:
            turn.begun.set()
            parcel = self._deliveries.prepared(world, delivery_id)
            if parcel is None:
                return
            connect = self._own.get(world, self._connect)
            if parcel.place.inside is not None and connect is not None:
                started = time.perf_counter_ns()
                attempt = await self._inside(parcel, parcel.place.inside, connect)
                self._deliveries.made(parcel, attempt, started)
                return
            outcome = self._deliveries.judged(parcel)
            if outcome is not None:
                attempt = await self._outside(parcel, outcome)
                self._deliveries.left(parcel, outcome, attempt)

    async def _inside(self, parcel: Parcel, listener: Listener, connect: Connect) -> Attempt:
        where = f"{listener.addresses[0]}:{listener.port}"
        context = _unverified() if listener.tls else None
        seconds = parcel.posting.timeout / 1000
        try:
            async with asyncio.timeout(seconds):
                sock, address = await _first(connect, listener)  # a sandbox that has ended is no attempt
                where = f"[{address}]:{listener.port}" if ":" in address else f"{address}:{listener.port}"
                try:
                    reader, writer = await asyncio.open_connection(
                        sock=sock, ssl=context, server_hostname=parcel.place.host if context else None
                    )
                except BaseException:
                    sock.close()
                    raise
                reply = await _exchange(reader, writer, parcel, Traffic())
        except TimeoutError:
            return Attempt(where, None, f"no reply within {seconds:g} s", "timeout")
        except ssl.SSLError as error:
            return Attempt(where, None, f"no TLS: {error.reason or error}", "tls")
        except ConnectionRefusedError:
            return Attempt(where, None, f"nothing listens at {where} in the sandbox", "connection")
        except (OSError, ExchangeError, ValueError) as error:
            return Attempt(where, None, str(error) or type(error).__name__, "connection")
        return Attempt(where, reply)

    async def _outside(self, parcel: Parcel, outcome: Outcome) -> Attempt:
        assert outcome.forward is not None
        where = f"{outcome.forward.host}:{outcome.forward.port}"
        seconds = parcel.posting.timeout / 1000
        traffic, upstream = Traffic(), Upstream()
        reply, reason, failure = None, "the attempt was broken off", "connection"
        try:
            async with asyncio.timeout(seconds):
                dialed = await dial(outcome.forward, closed=self._closed)
                upstream = dialed.upstream
                writer = dialed.writer
                try:
                    if parcel.place.scheme == "https":
                        context = self._roots or ssl.create_default_context()
                        await writer.start_tls(context, server_hostname=parcel.place.host)
                    reply = await _exchange(dialed.reader, writer, parcel, traffic)
                finally:
                    writer.transport.abort()
            reason = failure = ""
        except TimeoutError:
            reason, failure = f"no reply within {seconds:g} s", "timeout"
        except ssl.SSLError as error:
            reason, failure = f"no TLS: {error.reason or error}", "tls"
        except DialError as error:
            upstream, reason = error.upstream, error.reason
        except (OSError, ExchangeError) as error:
            reason = str(error) or type(error).__name__
        finally:
            total = Upstream(upstream.dns, upstream.connections, traffic.out, traffic.back)
            self._settle(outcome, total, reply, reason)
        return Attempt(where, reply, reason, failure)


class _EndedError(Exception):
    """The sandbox is gone: whatever waits, waits for the next one."""


async def _first(connect: Connect, listener: Listener) -> tuple[socket.socket, str]:
    """A connection to the first address that takes one."""
    refused: OSError | None = None
    for address in listener.addresses:
        try:
            return await connect(address, listener.port), address
        except ConnectionAbortedError:
            raise _EndedError from None
        except OSError as error:
            refused = refused or error
    assert refused is not None
    raise refused


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parcel: Parcel, traffic: Traffic
) -> Reply:
    try:
        return await post(reader, writer, parcel.place.target, parcel.call.headers, parcel.posting.body, traffic)
    finally:
        writer.transport.abort()


def _unverified() -> ssl.SSLContext:
    """TLS to a listener in the sandbox: its certificate says nothing that the place doesn't say already."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
