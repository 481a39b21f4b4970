"""What is loaded while the command runs: what any call may need, and nothing that the run waits for or depends on."""

import asyncio
import importlib
import sys
from pathlib import Path

import pytest

from childproof.model import Call, Protocol
from childproof.run import warmup
from childproof.run.compose import Parts, compose
from childproof.run.config.config import Config

RULES = """
version: 1
rules:
  - name: mail
    match: {protocol: smtp}
    stub: email
  - name: money
    match: {host: api.stripe.com}
    stub: stripe
"""
CHARGE = Call(Protocol.HTTP, "api.stripe.com", 443, method="GET", scheme="https", path="/v1/balance")


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    return compose(Config(tmp_path, rules=(rules,), store=":memory:"), worlds=("main",))


async def _warm(parts: Parts, until: asyncio.Event) -> None:
    async with warmup.warming_up(parts), asyncio.timeout(60):
        await until.wait()


def test_stubs_are_left_to_the_calls_that_need_them(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is common to all is loaded, one failure or not; a stub, which nobody may call, isn't."""
    steps: list[str] = []
    loaded: list[str] = []
    done = asyncio.Event()

    def load(name: str) -> None:
        steps.append(name)
        if len(steps) == len(warmup._MODULES):
            asyncio.get_running_loop().call_later(0.05, done.set)
        raise ImportError(name)

    monkeypatch.setattr(warmup, "DELAY", 0)
    monkeypatch.setattr(warmup, "PAUSE", 0)
    monkeypatch.setattr(importlib, "import_module", load)
    monkeypatch.setattr(parts.catalog, "get", loaded.append)
    asyncio.run(_warm(parts, done))
    assert steps == list(warmup._MODULES)
    assert loaded == []


def test_nothing_is_loaded_for_a_command_that_is_over_at_once(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(importlib, "import_module", loaded.append)
    monkeypatch.setattr(warmup, "PAUSE", 0)

    async def main() -> None:
        async with warmup.warming_up(parts):
            await asyncio.sleep(0)
        await asyncio.sleep(2 * warmup.DELAY)

    asyncio.run(main())
    assert loaded == []


def test_every_module_to_load_exists() -> None:
    for name in warmup._MODULES:
        importlib.import_module(name)


def test_a_stub_that_can_not_be_loaded_any_more_is_a_denial_with_a_record(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "childproof.stubkit.folder.loading", None)  # its import fails
    outcome = parts.engine.handle(CHARGE)
    assert outcome.forward is None
    assert outcome.reply is not None
    assert outcome.reply.status == 403
    [entry] = parts.ledger.entries(world="main")
    assert (entry.id, entry.verdict) == (outcome.call_id, "deny")
    assert "childproof.stubkit.folder.loading" in (entry.error or "")
