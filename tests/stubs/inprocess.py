"""A shipped stub in the process of its test: a world for it, calls made of what a client sends, replies held to the document."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from childproof.catalog import Catalog, load_catalog
from childproof.model import Call, Effect, Protocol
from childproof.run.planting import grow
from childproof.stubkit.stub import Answer, Stub
from childproof.world import ClockSettings, Store
from childproof.world.world import World

START = 1_767_603_600_000  # 2026-01-05T09:00:00Z


@cache
def shipped_catalog() -> Catalog:
    """The shipped stubs, each loaded once for all tests of a process: what they know of calls is in worlds."""
    return load_catalog()


@contextmanager
def fresh_world() -> Iterator[World]:
    """A world whose clock goes on by a second with each call."""
    with Store.open(":memory:", wall=lambda: START) as store:
        yield store.create("test", seed=7, clock=ClockSettings(start=START, run="step", step=1000))


@contextmanager
def planted(text: str, folder: Path) -> Iterator[Store]:
    """A store with the world `planted`, made of a world file's text; `folder` is a place for the file."""
    file = folder / "planted.yaml"
    file.write_text(text)
    with Store.open(":memory:", wall=lambda: START) as store:
        with grow(file, shipped_catalog(), lambda: START) as grown:
            grown.keep(store, "planted")
        yield store


@contextmanager
def world_of(text: str, folder: Path) -> Iterator[World]:
    """That world alone."""
    with planted(text, folder) as store:
        yield store.world("planted")


def https(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Call:
    """What a client sends, as the call that the capture side makes of it."""
    parts = urlsplit(url)
    return Call(
        protocol=Protocol.HTTP, host=parts.hostname or "", port=443, method=method.upper(), scheme="https", path=parts.path,
        query=parts.query, headers=tuple(headers.items()), body=body, tls=True, http_version="HTTP/1.1",
    )  # fmt: skip


def hold(stub: Stub, call: Call, answer: Answer) -> None:
    """Fail with every place where a reply isn't what the stub's document promises."""
    assert not answer.error, answer.error
    conformance = stub.service.conformance
    if answer.operation is None or conformance is None:
        return
    reply, path = answer.reply, answer.operation.partition(" ")[2]
    faults = conformance.misfits(call.method, path, reply.status, reply.headers, reply.body)
    assert not faults, f"{answer.operation}:\n" + "\n".join(map(str, faults))


def let_pass(world: World, seconds: int, stub: Stub) -> list[Effect]:
    """Let the world's time pass and the stub do what falls due in it, earliest first; the effects. A job's bug is raised."""
    effects: list[Effect] = []
    until = None
    while True:
        with world.transaction() as tx:
            until = tx.now() + seconds * 1000 if until is None else until
            due = tx.earliest(until)
            tx.travel(max(tx.now(), until if due is None else due.at))
            if due is None:
                return effects
            tx.done(due.id)
            effects += stub.perform(due.job, due.payload, tx)
