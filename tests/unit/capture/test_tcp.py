"""Raw TCP: refused with a reset, relayed where a rule allows it."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import pytest

from childproof.capture.destination import Destination, Ingress
from childproof.capture.dialer import Dialed, DialError
from childproof.capture.tcp import tcp_protocol_factory
from childproof.model import Action, Call, Forward, Outcome, Protocol, Upstream, Verdict

Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]
TARGET = Destination("db.example", 5432, "198.18.0.5")


def allow(call: Call) -> Outcome:
    return Outcome("c", Verdict(Action.ALLOW, "db"), None, Forward(call.host, call.port))


async def against(judge: Any, client: Client, *, dial: Any = None) -> Any:
    """Run a client against a connection that stands for TARGET; return when both are over."""
    over = asyncio.Event()

    async def nobody(forward: Forward) -> Dialed:
        raise AssertionError(f"dialled {forward}")

    server = await asyncio.get_running_loop().create_server(
        lambda: tcp_protocol_factory(Ingress("w", "s"), TARGET, judge, dial=dial or nobody, on_close=over.set),
        "127.0.0.1",
        0,
    )
    try:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        result = await client(reader, writer)
        writer.close()
        await asyncio.wait_for(over.wait(), 10)
        return result
    finally:
        server.close()


async def read_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    return await reader.read()


class Upper:
    """A server beyond: answers in capitals once the client has ended, as a half-closing protocol does."""

    def __init__(self) -> None:
        self.dialled: list[Forward] = []

    async def dial(self, forward: Forward) -> Dialed:
        self.dialled.append(forward)
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        server.close()
        return Dialed(reader, writer, "127.0.0.1", Upstream(dns=1, connections=1))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        writer.close()


def test_a_denied_connection_is_reset_at_once_and_recorded(judge: Any) -> None:
    """The client sees a refusal, not an empty answer, and waits for nothing."""
    with pytest.raises(ConnectionResetError):
        asyncio.run(against(judge, read_all))
    (call,) = judge.calls
    assert (call.protocol, call.target, call.address, call.world, call.sandbox) == (
        Protocol.TCP, "TCP db.example:5432", "198.18.0.5", "w", "s",
    )  # fmt: skip


def test_an_allowed_connection_is_relayed_and_counted(judge_of: Any) -> None:
    judge, far = judge_of(allow), Upper()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"hello " * 50_000)
        writer.write_eof()
        return await reader.read()

    assert asyncio.run(against(judge, client, dial=far.dial)) == b"HELLO " * 50_000
    assert far.dialled == [Forward("db.example", 5432)]
    assert judge.settled == [(Upstream(1, 1, 300_000, 300_000), "")]


def test_a_failed_dial_is_a_reset_with_its_reason(judge_of: Any) -> None:
    judge = judge_of(allow)

    async def dial(forward: Forward) -> Dialed:
        raise DialError("leads to 10.0.0.1, which is not public", Upstream(dns=1))

    with pytest.raises(ConnectionResetError):
        asyncio.run(against(judge, read_all, dial=dial))
    assert judge.settled == [(Upstream(dns=1), "leads to 10.0.0.1, which is not public")]


def test_a_client_that_resets_ends_the_relay(judge_of: Any) -> None:
    judge = judge_of(allow)
    far_closed, dialled = asyncio.Event(), asyncio.Event()

    async def dial(forward: Forward) -> Dialed:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                await reader.read()
            far_closed.set()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        server.close()
        dialled.set()
        return Dialed(reader, writer, "127.0.0.1", Upstream(connections=1))

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")
        await dialled.wait()
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()
        await asyncio.wait_for(far_closed.wait(), 10)

    asyncio.run(against(judge, client, dial=dial))
    assert len(judge.settled) == 1
    assert judge.settled[0][1]


def test_an_exception_of_ours_is_a_reset(judge_of: Any) -> None:
    def broken(call: Call) -> Outcome:
        raise RuntimeError("a bug")

    with pytest.raises(ConnectionResetError):
        asyncio.run(against(judge_of(broken), read_all))


@pytest.mark.parametrize("action", [Action.STUB, Action.REPLY, Action.ALLOW])
def test_whatever_has_no_permission_to_forward_is_reset(judge_of: Any, action: Action) -> None:
    with pytest.raises(ConnectionResetError):
        asyncio.run(against(judge_of(lambda _: Outcome("c", Verdict(action))), read_all))


def test_a_faulty_allowed_call_is_not_forwarded(judge_of: Any) -> None:
    judge = judge_of(lambda _: Outcome("c", Verdict(Action.ALLOW), None, Forward("db.example", 5432), 0.0, "reset"))
    with pytest.raises(ConnectionResetError):
        asyncio.run(against(judge, read_all))


def test_a_timeout_fault_holds_the_connection_until_the_client_gives_up(judge_of: Any) -> None:
    judge = judge_of(lambda _: Outcome("c", Verdict(Action.STUB), None, None, 0.0, "timeout"))

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(), 0.05)

    asyncio.run(against(judge, client))
