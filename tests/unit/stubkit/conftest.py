"""Stubs of a small invented CRM, and a world to call them in."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from childproof.model import Call, Change, Effect, Protocol
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.stub import Answer, Stub
from childproof.world.clock import ClockSettings
from childproof.world.store import Store

DATA = Path(__file__).parents[2] / "data"
START = 1767603600000


@dataclass
class Caller:
    """Calls one stub in one world; remembers the effects and changes of the last call."""

    stub: Stub
    store: Store
    world: str = "main"
    key: str | None = "acme_test"
    effects: tuple[Effect, ...] = ()
    changes: tuple[Change, ...] = ()
    answer: Answer | None = field(default=None)

    def __call__(self, name: str, body: Any = None, *, form: str = "", **headers: str) -> tuple[int, Any]:
        method, _, target = name.partition(" ")
        path, _, query = target.partition("?")
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        if self.key is not None:
            given.setdefault("authorization", f"Bearer {self.key}")
        raw = (
            form.encode()
            if form
            else b""
            if body is None
            else body
            if isinstance(body, bytes)
            else json.dumps(body).encode()
        )
        if raw:
            given.setdefault("content-type", "application/x-www-form-urlencoded" if form else "application/json")
        call = Call(
            Protocol.HTTP, self.stub.hosts[0], 443, scheme="https", method=method, path=path, query=query,
            headers=tuple(given.items()), body=raw,
        )  # fmt: skip
        with self.store.world(self.world).transaction() as tx:
            self.answer = self.stub.answer(call, tx)
            self.changes = tx.changes
        assert not self.answer.error, self.answer.error
        self.effects = self.answer.effects
        reply = self.answer.reply
        return reply.status, json.loads(reply.body) if reply.body else None

    def header(self, name: str) -> str | None:
        assert self.answer is not None
        return next((value for key, value in self.answer.reply.headers if key.lower() == name.lower()), None)


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open(":memory:", wall=lambda: START) as store:
        store.create("main", seed=7, clock=ClockSettings(START, "frozen"))
        yield store


@pytest.fixture(scope="session")
def acme_stub() -> Stub:
    return load_stub(DATA / "stubs" / "acme-crm")


@pytest.fixture(scope="session")
def bare_stub() -> Stub:
    return load_stub(DATA / "bare" / "acme-crm")


@pytest.fixture
def acme(acme_stub: Stub, store: Store) -> Caller:
    return Caller(acme_stub, store)


@pytest.fixture
def bare(bare_stub: Stub, store: Store) -> Caller:
    return Caller(bare_stub, store)


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the CRM stub with texts replaced or files added: `edited(stub=[(old, new)], files={name: text})`."""

    def make(*, stub: list[tuple[str, str]] | None = None, files: dict[str, str] | None = None) -> Path:
        folder = tmp_path / "acme-crm"
        shutil.copytree(DATA / "stubs" / "acme-crm", folder)
        text = (folder / "stub.yaml").read_text()
        for old, new in stub or []:
            assert old in text
            text = text.replace(old, new)
        (folder / "stub.yaml").write_text(text)
        for name, content in (files or {}).items():
            (folder / name).write_text(content)
        return folder

    return make


@pytest.fixture
def variant(edited: Callable[..., Path], store: Store) -> Callable[..., Caller]:
    """A caller of a changed CRM stub."""
    return lambda **changes: Caller(load_stub(edited(**changes)), store)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Callable[..., Caller]]:
    """A shop of things; called with the list dialect that it has."""
    from .things import make  # noqa: PLC0415 - it needs this module

    made: list[Caller] = []

    def build(**lists: Any) -> Caller:
        more = {key: lists.pop(key) for key in ("parameters", "reply", "filters") if key in lists}
        made.append(make(tmp_path, lists, **more))
        return made[-1]

    yield build
    for caller in made:
        caller.store.close()
