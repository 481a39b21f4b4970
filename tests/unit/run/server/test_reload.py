"""Reading everything again while calls are judged: the whole of the new, or the old and an event."""

import asyncio
import os
import sys
import threading
from pathlib import Path

import pytest

from childproof.engine import Missing
from childproof.errors import InputError
from childproof.model import Action, replace
from childproof.run.server import reloading as module
from childproof.run.server.reloading import Reloader, read_again
from childproof.run.watch.watching import Watching
from tests.unit.run.server.reloaded import SECOND, answered, reload, rewrite, serving

LED = "version: 1\nrules: [{name: shop, match: {host: shop.example}, stub: shop}]\n"


@pytest.fixture
def parts(tmp_path: Path):
    with serving(tmp_path) as made:
        yield made


def test_a_new_ruleset_holds_from_the_next_call_on(parts):
    assert answered(parts) == (Action.REPLY, "first")
    assert reload(parts, lambda: rewrite(parts, SECOND)) == ["the rules were read again"]
    assert answered(parts) == (Action.REPLY, "second")


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nrules: [",
        "",
        "version: 9\nrules: []\n",
        SECOND + "  - {name: third}\n",
        SECOND.replace("reply:", "replies:"),
        SECOND.replace("a.example", "a..example"),
        "version: 1\ninclude: [nowhere.yaml]\nrules: []\n",
        "version: 1\nrules: [{name: x, match: {host: a.example}, stub: nobody}]\n",
        "version: 1\nrules: [{name: x, match: {host: a.example}, when: 'call.nothing', deny: {}}]\n",
        "\x00\x01",
    ],
    ids=["torn", "empty", "version", "half", "unknown key", "bad host", "include", "stub", "condition", "bytes"],
)
def test_a_broken_file_leaves_the_old_rules_in_force_and_is_told_with_its_place(parts, text):
    """None of the new rules holds, not even those that are whole; readiness says that, and not why."""
    [event] = reload(parts, lambda: rewrite(parts, text))
    assert answered(parts) == (Action.REPLY, "first")
    assert event.startswith("the rules stay as they were, the new ones are broken:\n")
    assert "rules.yaml" in event or "nowhere.yaml" in event
    told = parts.reloads.as_json()
    assert (told["ok"], told["failed"], told["fault"]) == (False, 1, "the server's log has it")


@pytest.mark.parametrize("what", ["gone", "a folder", "no text"])
def test_a_file_that_can_not_be_read_leaves_the_old_rules_in_force(parts, what):
    file = parts.config.rules[0]
    file.unlink()
    if what == "a folder":
        file.mkdir()
    elif what == "no text":
        file.write_bytes(b"\xff\xfe")
    said = reload(parts)
    assert answered(parts) == (Action.REPLY, "first")
    assert "the rules stay as they were" in said[0]


def test_a_file_that_never_ends_is_given_up_and_not_the_last_that_is_read(parts, monkeypatch):
    """A pipe in the place of the rules: the reload has failed, and the next one works."""
    monkeypatch.setattr(module, "LONGEST", 0.05)
    file = parts.config.rules[0]
    pipe = file.with_name("was.yaml")

    def mend() -> None:
        monkeypatch.setattr(module, "LONGEST", 60.0)
        file.rename(pipe)
        rewrite(parts, SECOND)

    file.unlink()
    os.mkfifo(file)
    try:
        failed, done = reload(parts, lambda: None, mend)
    finally:
        os.close(os.open(pipe if pipe.exists() else file, os.O_WRONLY | os.O_NONBLOCK))  # who reads it is let go
    assert "could not be read in 0.05 s" in failed
    assert (done, answered(parts)) == ("the rules were read again", (Action.REPLY, "second"))
    assert (parts.reloads.failed, parts.reloads.succeeded) == (1, 1)


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("deep"), OSError(24, "Too many open files")])
def test_trouble_of_our_own_leaves_the_old_rules_in_force(parts, monkeypatch, error):
    """Out of memory or descriptors in the middle of it: no exception gets to the loop, no rule is lost."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(module, "load_policy", fail)
    said = reload(parts, lambda: rewrite(parts, SECOND))
    assert answered(parts) == (Action.REPLY, "first")
    assert said == [f"the rules stay as they were, {error!r}"]


def test_no_thread_to_read_in_leaves_the_old_rules_in_force(parts, monkeypatch):
    """The machine may have none left; what Python does by itself is set back."""
    monkeypatch.setattr(threading.Thread, "start", lambda _: (_ for _ in ()).throw(RuntimeError("no thread")))
    before = sys.getswitchinterval()
    assert "no thread" in reload(parts, lambda: rewrite(parts, SECOND))[0]
    assert (answered(parts), sys.getswitchinterval()) == ((Action.REPLY, "first"), before)


def test_what_became_of_reloads_is_counted(parts):
    watched = replace(parts, watching=Watching())
    reload(watched, lambda: rewrite(watched, "version: 1\nrules: ["), lambda: rewrite(watched, SECOND))
    assert "\nchildproof_trouble_total 1\n" in watched.watching.exposition(Missing())
    told = parts.reloads.as_json()
    assert {name: told[name] for name in ("ok", "succeeded", "failed")} == {"ok": True, "succeeded": 1, "failed": 1}
    assert "fault" not in told
    assert not parts.reloads.pending


def test_a_ruleset_that_is_replaced_goes_at_once(parts):
    """Ten thousand rules a reload would otherwise wait for a collector that may never come by."""
    import weakref  # noqa: PLC0415 (for this test alone)

    former = weakref.ref(parts.engine.rules)
    parts.engine.may_allow("main", "a.example", 443)
    reload(parts, lambda: rewrite(parts, SECOND))
    assert former() is None


def test_files_that_change_while_they_are_read_are_read_again(parts, monkeypatch):
    """What is in force is never half of one state and half of another."""
    real, reads = module.load_policy, []

    def load(*args: object) -> object:
        loaded = real(*args)
        reads.append(1)
        if len(reads) < 3:
            rewrite(parts, SECOND + "#" * len(reads))
        return loaded

    monkeypatch.setattr(module, "load_policy", load)
    known = [parts.config.rules[0]]
    fresh = read_again(parts.config, parts.catalog, {}, known)
    assert ([rule.name for rule in fresh.rules.rules], len(reads)) == (["second"], 3)

    def restless(*args: object) -> object:
        loaded = real(*args)
        rewrite(parts, SECOND + "#" * next(numbers))
        return loaded

    numbers = iter(range(100, 200))
    monkeypatch.setattr(module, "load_policy", restless)
    with pytest.raises(InputError, match="files that change while they are read"):
        read_again(parts.config, parts.catalog, {}, known)


def test_whoever_asks_during_a_reload_gets_another_after_it(parts, monkeypatch):
    """They don't overlap, and the last one wins: ten requests are two reloads."""
    real, reads = module.read_again, []

    def read(*args: object) -> object:
        reads.append(os.getpid())
        fresh = real(*args)
        if len(reads) == 1:
            rewrite(parts, SECOND)
            loop.call_soon_threadsafe(lambda: [reloader.request() for _ in range(10)])
        return fresh

    said: list[str] = []
    monkeypatch.setattr(module, "read_again", read)

    async def run() -> None:
        nonlocal loop, reloader
        loop = asyncio.get_running_loop()
        async with Reloader(parts, said.append) as reloader:
            reloader.request()
            while len(said) < 2:
                await reloader.done()
                await asyncio.sleep(0)

    loop: asyncio.AbstractEventLoop
    reloader: Reloader
    asyncio.run(run())
    assert (len(reads), answered(parts)) == (2, (Action.REPLY, "second"))
