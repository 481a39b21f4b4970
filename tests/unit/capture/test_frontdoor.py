"""The sealed front door: each connection to the side that speaks its protocol, none of them able to stop the rest."""

import asyncio
import contextlib
import smtplib
import socket
import struct
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from childproof.capture.destination import Destination, Ingress
from childproof.capture.dialer import Dialed
from childproof.capture.frontdoor import FrontDoor, Limits
from childproof.capture.names import NameTable
from childproof.capture.original import DestinationUnknown, original_destination
from childproof.model import Call, Forward, Outcome, Protocol

INGRESS = Ingress("w", "s")


class Http:
    """Takes sockets over and reads what they still hold."""

    def __init__(self) -> None:
        self.adopted: list[tuple[Destination, Ingress, bytes]] = []

    def adopt(self, sock: socket.socket, destination: Destination, ingress: Ingress) -> None:
        self.adopted.append((destination, ingress, sock.recv(100)))
        sock.close()


class Sealed:
    """A front door on loopback whose connections claim to have been redirected from wherever the test says."""

    def __init__(self, judge: Any, certificates: Any, limits: Limits) -> None:
        self.judge = judge
        self.http = Http()
        self.names = NameTable(lambda: 0.0)
        self.targets: dict[int, tuple[str, int]] = {}  # by the client's port
        self.door = FrontDoor(
            INGRESS,
            names=self.names,
            judge=judge,
            http=self.http,
            tls_context=certificates.server,
            dial=self._dial,
            destination_of=self._destination,
            limits=limits,
        )

    async def _dial(self, forward: Forward) -> Dialed:
        raise AssertionError(f"dialled {forward}")

    def _destination(self, sock: socket.socket) -> tuple[str, int]:
        target = self.targets.get(sock.getpeername()[1])
        if target is None:
            raise DestinationUnknown("the connection was made to childproof's own listener")
        return target

    def open(self, host: str, port: int) -> socket.socket:
        """A blocking client socket that means host:port."""
        address = self.names.address_for(host, 4) if not host[0].isdigit() else host
        return self.open_as((address, port))

    def open_as(self, target: tuple[str, int] | None) -> socket.socket:
        sock = socket.socket()
        sock.settimeout(10)
        sock.bind(("127.0.0.1", 0))
        if target is not None:
            self.targets[sock.getsockname()[1]] = target
        sock.connect(self.address)
        return sock


@contextlib.asynccontextmanager
async def sealed(judge: Any, certificates: Any, limits: Limits | None = None) -> AsyncIterator[Sealed]:
    side = Sealed(judge, certificates, limits or Limits(first_byte=0.1, http_first_byte=0.1))
    listener = socket.create_server(("127.0.0.1", 0))
    side.address = listener.getsockname()
    task = asyncio.create_task(side.door.serve(listener))
    try:
        yield side
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await side.door.close()
        listener.close()


def send_and_read(sock: socket.socket, data: bytes = b"") -> bytes:
    """b"RST" for a reset."""
    with sock:
        heard = b""
        try:
            if data:
                sock.sendall(data)
            while chunk := sock.recv(1000):
                heard += chunk
        except (ConnectionResetError, BrokenPipeError):
            return b"RST"
        return heard


def run(coroutine: Any) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 20))


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\nHost: api.stripe.com\r\n\r\n", b"\x16\x03\x01\x00\xc8\x01\x00"])
@pytest.mark.parametrize("port", [80, 443, 8080, 31337])
def test_http_and_tls_go_to_the_http_side_unread(judge: Any, certificates: Any, first: bytes, port: int) -> None:
    async def main() -> None:
        async with sealed(judge, certificates) as side:
            await asyncio.to_thread(send_and_read, side.open("api.stripe.com", port), first)
            ((destination, ingress, data),) = side.http.adopted
            assert (destination.host, destination.port, ingress, data) == ("api.stripe.com", port, INGRESS, first)
            assert side.names.name_for(destination.address) == "api.stripe.com"
            assert judge.calls == []

    run(main())


@pytest.mark.parametrize(
    ("port", "data"),
    [
        (4444, b"\x00\x01"),
        (6379, b"*1\r\n$4\r\nPING\r\n"),
        (22, b""),
        (3306, b""),
        (853, b"\x16\x03\x01\x00\x05\x01"),
        (9999, b""),
        (443, b""),
    ],
)
def test_anything_else_is_a_tcp_call_and_reset(judge: Any, certificates: Any, port: int, data: bytes) -> None:
    async def main() -> None:
        async with sealed(judge, certificates) as side:
            assert await asyncio.to_thread(send_and_read, side.open("203.0.113.7", port), data) == b"RST"
            assert [call.target for call in judge.calls] == [f"TCP 203.0.113.7:{port}"]
            assert judge.calls[0].address == "203.0.113.7"

    run(main())


def test_nonsense_on_an_http_port_is_for_the_http_side_to_answer(judge: Any, certificates: Any) -> None:
    async def main() -> None:
        async with sealed(judge, certificates) as side:
            await asyncio.to_thread(send_and_read, side.open("a.example", 80), b"\x00nonsense")
            assert side.http.adopted[0][2] == b"\x00nonsense"

    run(main())


def test_ports_of_servers_that_speak_first_are_refused_without_waiting(judge: Any, certificates: Any) -> None:
    async def main() -> None:
        async with sealed(judge, certificates, Limits(first_byte=1000, http_first_byte=1000)) as side:
            assert await asyncio.to_thread(send_and_read, side.open("git.example", 22)) == b"RST"
            assert [call.target for call in judge.calls] == ["TCP git.example:22"]

    run(main())


@pytest.mark.parametrize("port", [25, 587, 2525])
def test_mail_ports_speak_smtp(judge: Any, certificates: Any, port: int) -> None:
    async def main() -> None:
        async with sealed(judge, certificates) as side:

            def client() -> None:
                class Client(smtplib.SMTP):
                    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
                        return side.open(host, port)

                with Client("smtp.gmail.com", port) as smtp:
                    smtp.starttls(context=certificates.client())
                    smtp.sendmail("a@example.com", "b@example.com", "hi\r\n")

            await asyncio.to_thread(client)
            assert [(call.method, call.host) for call in judge.calls] == [("MESSAGE", "smtp.gmail.com")]

    run(main())


def test_dns_over_tcp_is_answered(judge: Any, certificates: Any) -> None:
    question = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\x01a\x07example\x00\x00\x01\x00\x01"

    async def main() -> None:
        async with sealed(judge, certificates) as side:

            def client() -> bytes:
                with side.open("8.8.8.8", 53) as sock:
                    sock.sendall(struct.pack("!H", len(question)) + question)
                    return sock.recv(1000)

            answer = await asyncio.to_thread(client)
            assert answer.endswith(socket.inet_aton(side.names.address_for("a.example", 4)))
            assert [call.target for call in judge.calls] == ["DNS A a.example"]

    run(main())


def test_a_connection_to_the_listener_itself_is_refused_and_recorded(judge: Any, certificates: Any) -> None:
    """The proxy is no relay to itself, nor to loopback."""

    async def main() -> None:
        async with sealed(judge, certificates) as side:
            assert await asyncio.to_thread(send_and_read, side.open_as(None), b"GET / HTTP/1.1\r\n\r\n") == b"RST"
            assert judge.violations == ["unsupported"]
            assert side.http.adopted == []

    run(main())


def test_one_connection_s_failure_ends_only_itself(judge_of: Any, certificates: Any) -> None:
    def broken(call: Call) -> Outcome:
        raise RuntimeError("a bug")

    async def main() -> None:
        async with sealed(judge_of(broken), certificates) as side:
            side.http.adopt = None  # type: ignore[assignment] # calling it raises
            assert await asyncio.to_thread(send_and_read, side.open("a.example", 22)) == b"RST"
            assert await asyncio.to_thread(send_and_read, side.open("a.example", 80), b"GET / HTTP/1.1\r\n") == b"RST"
            assert await asyncio.to_thread(send_and_read, side.open("a.example", 22)) == b"RST"
            assert side.judge.violations == ["internal"]

    run(main())


def test_a_certificate_that_can_not_be_made_refuses_the_mail_connection(judge: Any, certificates: Any) -> None:
    async def main() -> None:
        async with sealed(judge, certificates) as side:

            def broken(host: str) -> Any:
                raise OSError("no space left")

            side.door._tls_context = broken
            assert await asyncio.to_thread(send_and_read, side.open("a.example", 25)) == b"RST"
            assert judge.violations == ["internal"]

    run(main())


def test_an_smtp_side_that_can_not_be_imported_refuses_the_mail_connection(
    judge: Any, certificates: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "childproof.capture.smtp.server", None)

    async def main() -> None:
        async with sealed(judge, certificates) as side:
            assert await asyncio.to_thread(send_and_read, side.open("a.example", 25)) == b"RST"
            assert judge.violations == ["internal"]

    run(main())


def test_connections_are_bounded(judge: Any, certificates: Any) -> None:
    async def main() -> None:
        async with sealed(judge, certificates, Limits(connections=2, first_byte=1000)) as side:
            held = [side.open("a.example", 9999) for _ in range(2)]
            assert await asyncio.to_thread(send_and_read, side.open("a.example", 9999)) == b"RST"
            assert judge.violations == ["unsupported"]
            for sock in held:
                sock.close()

    run(main())


def test_closing_ends_what_is_open(judge: Any, certificates: Any) -> None:
    async def main() -> None:
        async with sealed(judge, certificates, Limits(first_byte=1000)) as side:
            waiting, mail = side.open("a.example", 9999), side.open("a.example", 25)
            assert (await asyncio.to_thread(mail.recv, 3)) == b"220"
            await side.door.close()
            assert await asyncio.to_thread(send_and_read, waiting) == b"RST"
            with contextlib.suppress(ConnectionResetError):
                while mail.recv(100):
                    pass
            mail.close()

    run(main())


def test_a_last_attempt_before_the_end_has_its_entry(judge: Any, certificates: Any) -> None:
    """A command that connects, sends and exits is gone before anybody has accepted."""

    async def main() -> None:
        side = Sealed(judge, certificates, Limits(first_byte=1000))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            side.address = listener.getsockname()
            task = asyncio.create_task(side.door.serve(listener))
            await asyncio.sleep(0)
            for port, data in ((9999, b""), (4444, b"\x00"), (80, b"GET / HTTP/1.1\r\n\r\n"), (25, b"")):
                with side.open("a.example", port) as sock:
                    sock.sendall(data)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await side.door.close()
        assert sorted(call.target for call in judge.calls) == [
            "SMTP a.example:25",
            "TCP a.example:4444",
            "TCP a.example:9999",
        ]
        assert len(side.http.adopted) == 1

    run(main())


def test_a_connection_still_silent_at_the_end_has_its_entry(judge: Any, certificates: Any) -> None:
    async def main() -> None:
        async with sealed(judge, certificates, Limits(first_byte=1000)) as side:
            with side.open("a.example", 9999), side.open("a.example", 25) as mail:
                assert (await asyncio.to_thread(mail.recv, 3)) == b"220"
                await side.door.close()
            assert sorted(call.target for call in judge.calls) == ["SMTP a.example:25", "TCP a.example:9999"]

    run(main())


def test_refused_datagrams_are_recorded_under_their_name(judge: Any, certificates: Any) -> None:
    async def main() -> None:
        async with sealed(judge, certificates) as side:
            address = side.names.address_for("quic.example", 6)
            side.door.record_denied_udp(address, 443)
            side.door.record_denied_udp("203.0.113.7", 4500)
            assert [(call.protocol, call.target) for call in judge.calls] == [
                (Protocol.UDP, "UDP quic.example:443"),
                (Protocol.UDP, "UDP 203.0.113.7:4500"),
            ]

    run(main())


def test_a_connection_that_was_not_redirected_has_no_destination() -> None:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as listener, socket.socket(family) as client:
            try:
                listener.bind((host, 0))
            except OSError:
                continue
            listener.listen()
            client.connect(listener.getsockname())
            accepted, _ = listener.accept()
            with accepted, pytest.raises(DestinationUnknown):
                original_destination(accepted)
