"""Reading rules again while calls are judged: the whole of the new ones, or the old ones and an event."""

from dataclasses import replace
from pathlib import Path

import pytest

from childproof.engine import Missing
from childproof.model import Action, Call, Protocol
from childproof.run import proxy as module
from childproof.run.compose import Parts, compose
from childproof.run.config import Config
from childproof.run.proxy import reload_rules
from childproof.run.watching import Watching

FIRST = "version: 1\nrules: [{name: first, match: {host: a.example}, reply: {status: 200, text: first}}]\n"
SECOND = FIRST.replace("first", "second")


@pytest.fixture
def parts(tmp_path: Path):
    file = tmp_path / "rules.yaml"
    file.write_text(FIRST)
    made = compose(Config(state_dir=tmp_path, store=":memory:", rules=(file,)), worlds=("main",))
    yield made
    made.close()


def rewrite(parts: Parts, text: str) -> None:
    parts.config.rules[0].write_text(text)


def answered(parts: Parts) -> tuple[Action, str | None]:
    call = Call(Protocol.HTTP, "a.example", 443, "main", "", method="GET", path="/", scheme="https")
    verdict = parts.engine.handle(call).verdict
    return verdict.action, verdict.rule


def test_a_new_ruleset_holds_from_the_next_call_on(parts):
    said: list[str] = []
    assert answered(parts) == (Action.REPLY, "first")
    rewrite(parts, SECOND)
    reload_rules(parts, said.append)
    assert answered(parts) == (Action.REPLY, "second")
    assert said == ["the rules were read again"]


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
    """None of the new rules holds, not even those that are whole."""
    said: list[str] = []
    rewrite(parts, text)
    reload_rules(parts, said.append)
    assert answered(parts) == (Action.REPLY, "first")
    [event] = said
    assert event.startswith("the rules stay as they were, the new ones are broken:\n")
    assert "rules.yaml" in event or "nowhere.yaml" in event


def test_a_file_that_is_gone_leaves_the_old_rules_in_force(parts):
    said: list[str] = []
    parts.config.rules[0].unlink()
    reload_rules(parts, said.append)
    assert answered(parts) == (Action.REPLY, "first")
    assert "the rules stay as they were" in said[0]


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("deep"), OSError(24, "Too many open files")])
def test_trouble_of_our_own_leaves_the_old_rules_in_force(parts, monkeypatch, error):
    """Out of memory or descriptors in the middle of it: no exception gets to the loop, no rule is lost."""

    def fail(*_: object) -> None:
        raise error

    said: list[str] = []
    monkeypatch.setattr(module, "load_policy", fail)
    rewrite(parts, SECOND)
    reload_rules(parts, said.append)
    assert answered(parts) == (Action.REPLY, "first")
    assert said == [f"the rules stay as they were, {error!r}"]


def test_a_reload_that_failed_is_counted(parts):
    watched = replace(parts, watching=Watching())
    rewrite(watched, "version: 1\nrules: [")
    reload_rules(watched, lambda _: None)
    rewrite(watched, SECOND)
    reload_rules(watched, lambda _: None)
    assert "\nchildproof_trouble_total 1\n" in watched.watching.exposition(Missing())
