"""Clients that hand over what is none of a sandbox's, ask twice, come late, or leave; and worlds that change hands meanwhile."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from childproof.control.messages_sandboxes import NewSandbox
from childproof.run.sandboxes.handover import Handover, beside
from childproof.run.sandboxes.worlds import UNTIL
from childproof.sandbox import channel
from tests.unit.run.sandboxes.test_sandboxes import Hosted, descriptors, hosted, run, until


class Client:
    """One connection to the socket at which listeners are handed over."""

    def __init__(self, path: str) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path)
        self.sock.settimeout(10)

    async def say(self, frame: Any, handed: Sequence[int] = ()) -> None:
        """Send a frame with descriptors."""
        await asyncio.to_thread(channel.send, self.sock, frame, list(handed))

    async def heard(self) -> Any:
        """The next frame; None at the end."""
        found = await asyncio.to_thread(channel.heard, self.sock)
        return None if found is None else found[0]


@contextlib.asynccontextmanager
async def handing(folder: Path) -> AsyncIterator[tuple[Hosted, str]]:
    """Sandboxes, and where sealed ones are handed over."""
    path = beside(str(folder / "c"))
    async with hosted(folder, handover=path) as it, Handover(path, it.sandboxes, lambda env: env, print):
        yield it, path


@contextlib.contextmanager
def handed(*kinds: str) -> Iterator[list[int]]:
    """Descriptors of these kinds."""
    with contextlib.ExitStack() as stack:
        found = []
        for kind in kinds:
            if kind == "tcp":
                found.append(stack.enter_context(socket.create_server(("127.0.0.1", 0))).fileno())
            elif kind == "file":
                found.append(stack.enter_context(Path("/dev/null").open("rb")).fileno())
            else:
                family, type_, proto = {
                    "unix": (socket.AF_UNIX, socket.SOCK_STREAM, 0),
                    "idle": (socket.AF_INET, socket.SOCK_STREAM, 0),
                    "udp": (socket.AF_INET, socket.SOCK_DGRAM, 0),
                    "routes": (socket.AF_NETLINK, socket.SOCK_RAW, 0),
                }[kind]
                sock = stack.enter_context(socket.socket(family, type_, proto))
                if kind == "unix":
                    sock.bind("")
                    sock.listen()
                found.append(sock.fileno())
        yield found


def test_what_is_no_listener_of_a_sandbox_is_not_served(tmp_path: Path) -> None:
    """Nor are descriptors of it kept: not those of files, and not those of a client who doesn't know the secret."""
    wrong = [
        (["unix"], 0, False), (["idle"], 0, False), (["udp"], 0, False), (["tcp", "unix"], 1, False), (["tcp", "tcp"], 1, False),
        (["tcp", "routes"], 0, True), (["tcp", "udp"], 0, True), (["tcp"], 1, False), (["tcp", "udp"], 0, False), (["tcp"], -1, False),
        (["tcp"], float("inf"), False), (["tcp"], "x", False), ([], 0, False),
    ]  # fmt: skip

    async def scenario() -> None:
        async with handing(tmp_path) as (it, path):
            made = await it.sandboxes.create(NewSandbox(sealed=True))
            assert made.handover is not None
            before = descriptors()
            for kinds, dns, refusals in wrong:
                client = Client(path)
                with handed(*kinds) as found:
                    hello = {"sandbox": made.id, "secret": made.handover.secret, "dns": dns, "refusals": refusals}
                    await client.say(hello, found)
                assert "failed" in await client.heard(), (kinds, dns, refusals)
                client.sock.close()
            for kinds in (["file"] * 10, ["tcp", "file", "udp"], ["udp", "tcp", "file"]):
                client = Client(path)
                with handed(*kinds) as found:
                    await client.say({"sandbox": made.id, "secret": "", "dns": 0, "refusals": False}, found)
                assert await client.heard() is None
                client.sock.close()
            client = Client(path)  # half a frame that holds a file, and the end
            with handed("file") as found:
                socket.send_fds(client.sock, [b"\0\0"], found)
            client.sock.close()
            client = Client(path)
            client.sock.sendall(struct.pack("!I", 100_000) + b"[" * 100_000)
            assert await client.heard() is None
            client.sock.close()
            await until(lambda: descriptors() <= before)
            assert it.sandboxes.get(made.id).sealed == "waiting"

    run(scenario())


def test_a_sandbox_that_is_deleted_ends_the_connection_of_its_client(tmp_path: Path) -> None:
    """The client ends the command then: nobody would answer it, and nothing of it be on record. No second one is taken meanwhile."""

    async def scenario() -> None:
        async with handing(tmp_path) as (it, path):
            made = await it.sandboxes.create(NewSandbox(sealed=True))
            assert made.handover is not None
            hello = {"sandbox": made.id, "secret": made.handover.secret, "dns": 0, "refusals": False}
            first, second = Client(path), Client(path)
            with handed("tcp", "tcp") as (one, other):
                await first.say(hello, [one])
                assert (await first.heard())["serving"]
                await second.say(hello, [other])
                assert "failed" in await second.heard()
            with handed("file") as found:  # an answer to what nobody asked
                await first.say({"connected": "x"}, [])
                await first.say({"connected": 7}, [])
                before = descriptors()
                await first.say({"more": 1}, found)
            await it.sandboxes.delete(made.id)
            assert await first.heard() is None
            assert descriptors() <= before
            third = Client(path)
            with handed("tcp") as found:
                await third.say(hello, found)
                assert "failed" in await third.heard()
            for client in (first, second, third):
                client.sock.close()

    run(scenario())


def test_a_world_that_somebody_made_anew_is_not_the_sandboxes(tmp_path: Path) -> None:
    """It is neither labelled as one that goes with a sandbox, nor deleted with it."""

    async def scenario() -> None:
        async with hosted(tmp_path) as it:
            for keep in (False, True):
                made = await it.sandboxes.create(NewSandbox(from_="main", world="try"))
                it.parts.store.delete("try", record=it.parts.ledger)
                it.parts.store.create("try", labels={"mine": "1"})
                it.sandboxes.renew(made.id, 10)
                assert dict(it.parts.store.branch("try").labels) == {"mine": "1"}
                gone = await it.sandboxes.delete(made.id, keep=keep)
                assert gone.world is None
                assert gone.kept is not None
                assert dict(it.parts.store.branch("try").labels) == {"mine": "1"}
                it.parts.store.delete("try", record=it.parts.ledger)
            made = await it.sandboxes.create(NewSandbox(from_="main", world="try"))
            assert UNTIL in it.parts.store.branch("try").labels
            assert (await it.sandboxes.delete(made.id)).world == "try"

    run(scenario())


def test_a_sandbox_that_is_renewed_while_others_expire_lives_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was told that it lives is right."""

    async def scenario() -> None:
        async with hosted(tmp_path) as it:
            first, second = [await it.sandboxes.create(NewSandbox(ttl=10)) for _ in range(2)]
            close = it.proxy.close_for

            async def slowly(*given: Any) -> None:
                if it.sandboxes._boxes.get(second.id) is not None:
                    it.sandboxes.renew(second.id, None)
                await close(*given)

            monkeypatch.setattr(it.proxy, "close_for", slowly)
            await it.pass_by(11)
            await until(lambda: first.id not in it.sandboxes._boxes)
            assert [box.id for box in it.sandboxes.all()] == [second.id]
            monkeypatch.undo()

    run(scenario())
