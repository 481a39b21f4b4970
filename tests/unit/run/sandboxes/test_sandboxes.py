"""Many sandboxes on one process: made whole or not at all, ended whole, and nothing of them stays."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from childproof.capture.mitm.ca import ensure_ca
from childproof.control.messages_sandboxes import Listeners, NewSandbox, ReportQuery
from childproof.control.problems import Problem
from childproof.engine.policies import Policy
from childproof.errors import WorldGoneError
from childproof.ledger import timestamp
from childproof.run.compose import Parts, compose, wall_clock
from childproof.run.config.config import Config
from childproof.run.proxy import Proxy
from childproof.run.sandboxes import sandboxes as subject
from childproof.run.sandboxes.box import Box
from childproof.run.sandboxes.controlling import desk_of
from childproof.run.sandboxes.handover import Handover, beside
from childproof.run.sandboxes.sandboxes import Running, Sandboxes
from childproof.run.sandboxes.worlds import UNTIL
from childproof.run.server.health import Health
from childproof.run.webhooks import delivering
from childproof.sandbox import channel
from childproof.world import World

OWN = "version: 1\nrules:\n  - {name: own, match: {host: own.example}, reply: {text: mine}}\n"


class Hosted:
    """Sandboxes on a proxy, in a loop whose time the test moves."""

    def __init__(self, parts: Parts, proxy: Proxy, sandboxes: Sandboxes) -> None:
        self.parts, self.proxy, self.sandboxes = parts, proxy, sandboxes

    async def pass_by(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time
        loop.time = lambda: before() + seconds  # type: ignore[method-assign]  # nobody waits for a real hour
        for _ in range(5):
            await asyncio.sleep(0)
        await until(lambda: not self.sandboxes._times.ending)


@contextlib.asynccontextmanager
async def hosted(folder: Path, *, store: str = ":memory:", handover: str = "") -> AsyncIterator[Hosted]:
    rules = folder / "rules.yaml"
    rules.write_text("version: 1\nrules: [{name: shop, match: {host: shop.example}, reply: {text: common}}]\n")
    config = Config(folder, rules=(rules,), store=store)
    parts, ca = compose(config, worlds=("main",)), ensure_ca(folder)
    try:
        async with (
            Proxy(parts, ca) as proxy,
            delivering(parts, ("main",), None) as deliverer,
            Sandboxes(
                desk_of(parts, deliverer, Health(), lambda _: None),
                Running(parts, proxy, deliverer, ("main",), ca.cert_pem.read_bytes),
                handover=handover,
            ) as sandboxes,
        ):
            yield Hosted(parts, proxy, sandboxes)
    finally:
        parts.close()


def run[T](work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


async def asked(address: str, host: str) -> bytes:
    """What a plain request by a proxy is answered."""
    reader, writer = await asyncio.open_connection(*address.split(":"))
    writer.write(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    said = await reader.read()
    writer.close()
    return said


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 (nobody tells a test)
        await asyncio.sleep(0.001)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def count(*kinds: type) -> int:
    gc.collect()
    return sum(isinstance(one, kinds) for one in gc.get_objects())


def left(it: Hosted) -> tuple[object, ...]:
    """What there is of descriptors, tasks, worlds, ports and shares of connections."""
    shares = set(it.proxy.http.shares())
    return descriptors(), len(asyncio.all_tasks()), it.parts.store.names(), set(it.parts.closed), shares


def test_a_hundred_come_and_go_and_nothing_is_left(tmp_path: Path) -> None:
    """No world, port, descriptor, task, rule or object of them is there afterwards, whatever was going on in them."""

    async def scenario() -> None:
        async with hosted(tmp_path) as it:

            async def turn(number: int) -> None:
                wanted = NewSandbox(from_="main", rules=OWN, listen=Listeners(stubs=["stripe"]))
                made = [await it.sandboxes.create(wanted) for _ in range(number)]
                assert len({box.http for box in made} | {box.stubs["stripe"] for box in made}) == 2 * number
                assert len(it.sandboxes.all()) == number
                said = await asked(made[0].http or "", "own.example")
                assert said.endswith(b"mine")
                held = [await asyncio.open_connection(*str(box.http).split(":")) for box in made[:5]]
                held[0][1].write(b"CONNECT own.example:443 HTTP/1.1\r\nHost: own.example:443\r\n\r\n")
                await held[0][0].readuntil(b"\r\n\r\n")
                for box in made:
                    await it.sandboxes.delete(box.id)
                for reader, writer in held:  # they are closed as well
                    with contextlib.suppress(ConnectionResetError):
                        assert await reader.read() == b""
                    writer.close()
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection(*str(made[0].http).split(":"))
                await asyncio.sleep(0.01)

            await turn(3)  # what is loaded once is loaded now
            objects, before = count(World, Policy, Box), left(it)
            await turn(100)
            assert left(it) == before
            assert count(World, Policy, Box) <= objects
            assert before[2:4] == (["main"], set())

    run(scenario())


@pytest.mark.parametrize(
    ("wanted", "status", "pointer"),
    [
        (NewSandbox(world="nowhere"), 404, "/world"),
        (NewSandbox(from_="nowhere"), 404, "/from"),
        (NewSandbox(world="main", from_="main"), 409, "/world"),
        (NewSandbox(world="main", rules=OWN), 422, "/rules"),
        (NewSandbox(world="main", seed=3), 422, "/seed"),
        (NewSandbox(from_="main", clock="frozen"), 422, "/clock"),
        (NewSandbox(clock="tomorrow"), 422, "/clock"),
        (NewSandbox(clock="frozen@noon"), 422, "/clock"),
        (NewSandbox(at=3), 422, "/at"),
        (NewSandbox(from_="main", at="call_nobody"), 422, "/at"),
        (NewSandbox(rules="version: 1\nrules: [{name: x}]\n"), 422, "/rules"),
        (NewSandbox(rules="version: 1\nrules: [{name: x, match: {host: a.example}, allow: {secrets: [{placeholder: cp_placeholder, "
                          "file: /etc/hostname, header: authorization}]}}]\n"), 422, "/rules"),
        (NewSandbox(listen=Listeners(stubs=["stripe", "rocket"])), 422, "/listen/stubs/1"),
        (NewSandbox(listen=Listeners(stubs=["stripe", "stripe"])), 422, "/listen/stubs/1"),
        (NewSandbox(listen=Listeners(http=False)), 422, "/listen"),
        (NewSandbox(sealed=True), 409, "/sealed"),
    ],
)  # fmt: skip
def test_what_is_refused_leaves_nothing(tmp_path: Path, wanted: NewSandbox, status: int, pointer: str) -> None:
    """With the place of what is wrong; there is no world, no port and no sandbox of it."""

    async def scenario() -> None:
        async with hosted(tmp_path) as it:
            before = descriptors()
            with pytest.raises(Problem) as refused:
                await it.sandboxes.create(wanted)
            assert (refused.value.status, refused.value.mistakes[0].pointer) == (status, pointer)
            assert (it.parts.store.names(), it.parts.closed, it.sandboxes.all()) == (["main"], set(), [])
            assert descriptors() == before

    run(scenario())


def test_a_port_that_is_asked_for_is_had_by_one_at_a_time(tmp_path: Path) -> None:
    """Whoever comes after its end has the same one, with connections of before just over."""

    async def scenario() -> None:
        async with hosted(tmp_path) as it:
            first = await it.sandboxes.create(NewSandbox())
            port = int((first.http or "").rpartition(":")[2])
            again = NewSandbox(listen=Listeners(port=port))
            with pytest.raises(Problem) as refused:
                await it.sandboxes.create(again)
            assert (refused.value.status, refused.value.mistakes[0].pointer) == (409, "/listen/port")
            assert b"common" in await asked(first.http or "", "shop.example")
            await it.sandboxes.delete(first.id)
            second = await it.sandboxes.create(again)
            assert second.http == first.http
            assert b"common" in await asked(second.http or "", "shop.example")

    run(scenario())


def test_too_many_are_refused_before_descriptors_run_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound, and not a listener that can't accept: what there is goes on."""
    monkeypatch.setattr(subject, "room_for_listeners", lambda: 2)

    async def scenario() -> None:
        async with hosted(tmp_path, handover=str(tmp_path / "control.sandboxes")) as it:
            with pytest.raises(Problem, match="limit of open files"):
                await it.sandboxes.create(NewSandbox(sealed=True))  # which takes several descriptors
            made = [await it.sandboxes.create(NewSandbox()) for _ in range(2)]
            with pytest.raises(Problem) as refused:
                await it.sandboxes.create(NewSandbox())
            assert refused.value.status == 429
            assert b"common" in await asked(made[0].http or "", "shop.example")
            await it.sandboxes.delete(made[0].id)
            await it.sandboxes.create(NewSandbox())

    run(scenario())


def test_time_ends_what_nobody_renews(tmp_path: Path) -> None:
    """Each at its own time, by one timer; a renewed one lives on."""

    async def scenario() -> None:
        async with hosted(tmp_path) as it:
            tasks = len(asyncio.all_tasks())
            long, short, kept = [await it.sandboxes.create(NewSandbox(ttl=ttl)) for ttl in (500, 60, 60)]
            assert len(asyncio.all_tasks()) == tasks
            await it.pass_by(50)
            assert it.sandboxes.renew(kept.id, None).expires >= kept.expires
            await it.pass_by(20)
            assert [box.id for box in it.sandboxes.all()] == [long.id, kept.id]
            assert short.world not in it.parts.store.names()
            with pytest.raises(LookupError):
                it.sandboxes.renew(short.id, None)
            await it.pass_by(100)
            assert [box.id for box in it.sandboxes.all()] == [long.id]
            it.sandboxes.renew(long.id, 3)
            await it.pass_by(4)
            assert (it.sandboxes.all(), it.parts.store.names()) == ([], ["main"])

    run(scenario())


def test_a_world_goes_with_the_last_that_needs_it(tmp_path: Path) -> None:
    """Sandboxes may share one; it outlives those that others were forked from, and what was there before stays."""

    async def scenario() -> None:
        async with hosted(tmp_path) as it:
            maker = await it.sandboxes.create(NewSandbox(world="try/1", from_="main", rules=OWN))
            guest = await it.sandboxes.create(NewSandbox(world="try/1"))
            assert b"mine" in await asked(guest.http or "", "own.example")  # so that its fork has a past there
            child = await it.sandboxes.create(NewSandbox(from_="try/1"))
            visitor = await it.sandboxes.create(NewSandbox(world="main"))
            assert (maker.made, guest.made, visitor.made) == (True, False, False)
            for box, said in ((child, b"mine"), (visitor, b"childproof_denied")):
                assert said in await asked(box.http or "", "own.example")
            told = it.sandboxes.report(guest.id, ReportQuery())
            assert (told.report["calls"], told.incomplete) == (1, "")
            gone = await it.sandboxes.delete(maker.id)
            assert (gone.world, gone.kept) == (None, "1 other sandboxes are in it")
            gone = await it.sandboxes.delete(guest.id)
            assert gone.world is None
            assert child.world in str(gone.kept)
            assert "try/1" in it.parts.store.names()
            assert (await it.sandboxes.delete(visitor.id)).world is None
            assert (await it.sandboxes.delete(child.id)).world == child.world
            assert it.parts.store.names() == ["main"]
            named = await it.sandboxes.create(NewSandbox(world="kept", from_="main"))
            await it.sandboxes.delete(named.id, keep=True)
            assert it.parts.store.branch("kept").labels == {}

    run(scenario())


def test_a_sandbox_never_leads_into_another_world_of_the_same_name(tmp_path: Path) -> None:
    """Its world was deleted, and somebody made one of that name: its calls are denied, and nothing of them is there."""

    async def scenario() -> None:
        async with hosted(tmp_path) as it:
            old = await it.sandboxes.create(NewSandbox(world="try", from_="main", rules=OWN))
            assert b"mine" in await asked(old.http or "", "own.example")
            it.parts.store.delete("try", record=it.parts.ledger)
            it.parts.engine.forget("try")
            new = await it.sandboxes.create(NewSandbox(world="try", from_="main", rules=OWN))
            for _ in range(2):
                said = await asked(old.http or "", "own.example")
                assert b"mine" not in said
                assert b"the world try of this sandbox is gone" in said
            assert b"mine" in await asked(new.http or "", "own.example")
            assert [entry.sandbox for entry in it.parts.ledger.entries(world="try")] == [new.id]
            assert it.parts.engine.missing("try").calls == 2
            with pytest.raises(WorldGoneError):
                it.parts.engine.check_entered(old.id, "try")
            await it.sandboxes.delete(old.id)
            assert "try" in it.parts.store.names()
            assert (await it.sandboxes.delete(new.id)).world == "try"

    run(scenario())


def test_what_a_killed_server_left_behind_is_cleared_in_time(tmp_path: Path) -> None:
    """Worlds of sandboxes, when their time is over, at the start or later; those of a server that lives are left alone."""
    past, future = "2020-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"

    async def scenario() -> None:
        store = str(tmp_path / "w.db")
        async with hosted(tmp_path, store=store) as it:
            for name, until in (
                ("dead", past),
                ("soon", timestamp(wall_clock() + 3000)),
                ("alive", future),
                ("odd", "noon"),
            ):
                it.parts.store.fork("main", name, labels={UNTIL: until})
            await it.sandboxes.create(NewSandbox())
        async with hosted(tmp_path, store=store) as it:
            assert it.parts.store.names() == ["alive", "main", "odd", "soon"]
            await it.pass_by(10)
            assert "soon" in it.parts.store.names()  # whoever lives has some seconds to renew it
            it.parts.store.label("soon", {UNTIL: past})
            await it.pass_by(70)
            assert it.parts.store.names() == ["alive", "main", "odd"]

    run(scenario())


def test_a_world_that_its_fork_has_outlived_goes_when_that_does(tmp_path: Path) -> None:
    """Also where the fork was somebody's own, and is deleted without any sandbox; whatever else waits for a later time."""
    store = str(tmp_path / "w.db")

    async def scenario() -> None:
        async with hosted(tmp_path, store=store) as it:
            it.parts.store.fork("main", "alive", labels={UNTIL: "2999-01-01T00:00:00.000Z"})
        async with hosted(tmp_path, store=store) as it:
            made = await it.sandboxes.create(NewSandbox(from_="main", rules=OWN))
            await asked(made.http or "", "own.example")
            it.parts.store.fork(made.world, "mine")
            assert "mine" in str((await it.sandboxes.delete(made.id)).kept)
            await it.pass_by(70)
            assert made.world in it.parts.store.names()
            it.parts.store.delete("mine", record=it.parts.ledger)
            await it.pass_by(70)
            assert it.parts.store.names() == ["alive", "main"]

    run(scenario())


def test_listeners_are_handed_over_to_who_knows_the_word(tmp_path: Path) -> None:
    """Nobody else's are served; webhooks are connected by the client; when it is gone, so is the sandbox."""

    async def scenario() -> None:
        path = beside(str(tmp_path / "control"))
        async with hosted(tmp_path, handover=path) as it, Handover(path, it.sandboxes, dict, print):
            made = await it.sandboxes.create(NewSandbox(sealed=True))
            assert made.handover is not None
            assert (made.http, made.sealed, (tmp_path / "control.sandboxes").stat().st_mode & 0o777) == (
                None,
                "waiting",
                0o600,
            )
            loop = asyncio.get_running_loop()

            def hand_over(secret: str, *, dns: int = 1) -> tuple[socket.socket, channel.Frame | None]:
                link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                link.connect(path)
                with (
                    socket.create_server(("127.0.0.1", 0)) as tcp,
                    socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
                ):
                    hello = {"sandbox": made.id, "secret": secret, "dns": dns, "refusals": False, "environ": {"A": "b"}}
                    channel.send(link, hello, [tcp.fileno(), udp.fileno()])
                received = channel.heard(link)
                return link, None if received is None else received[0]

            for secret, dns in (("", 1), ("0" * 32, 1), (made.handover.secret, 2)):
                link, said = await loop.run_in_executor(None, lambda s=secret, d=dns: hand_over(s, dns=d))
                assert said is not None
                assert "expired, or the secret" in said["failed"]
                link.close()
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
                stranger.connect(path)
                stranger.sendall(b"\xff\xff\xff\xff nonsense")
                with contextlib.suppress(ConnectionResetError):
                    assert await loop.run_in_executor(None, stranger.recv, 1) == b""
            assert it.sandboxes.get(made.id).sealed == "waiting"
            link, said = await loop.run_in_executor(None, lambda: hand_over(made.handover.secret))
            assert said == {"serving": True, "environ": {"A": "b"}}
            assert it.sandboxes.get(made.id).sealed == "serving"
            before = it.parts.store.branch(made.world).labels[UNTIL]
            await it.pass_by(4000)  # its client is there: it lives on, also for other servers of this store
            assert it.parts.store.branch(made.world).labels[UNTIL] > before
            connecting = asyncio.create_task(it.sandboxes._inside(made.world)("127.0.0.1", 9))
            frame, _ = await loop.run_in_executor(None, channel.receive, link) or ({}, [])
            assert (frame["address"], frame["port"]) == ("127.0.0.1", 9)
            channel.send(link, {"connected": frame["connect"], "errno": 111})
            with pytest.raises(ConnectionRefusedError):
                await connecting
            link.close()
            await until(lambda: not it.sandboxes.all())
            assert it.parts.store.names() == ["main"]

    run(scenario())
