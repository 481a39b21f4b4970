"""Meaning: hosts that rules allow for something else, stubs as messengers, limits, secrets, and the record as a weapon."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from childproof.model import NO_UPSTREAM
from tests.escape.beside import CHILDPROOF, HERE, Seen, beside_the_sinkhole, once, sealed

pytestmark = pytest.mark.sealed

RULES = """
version: 1
include: [presets/package-registries.yaml, default.yaml]
rules:
  - name: raising
    match: {host: raising.example}
    stub: raising
  - name: limited
    match: {host: limited.example}
    limit: {calls: 11, per: 1h}
    reply: {status: 200, text: ok}
"""
STUB = {
    "stub.yaml": "stub: raising\nhosts: [raising.example]\nopenapi: openapi.json\n",
    "openapi.json": json.dumps(
        {
            "openapi": "3.0.0",
            "info": {"title": "raising", "version": "1"},
            "paths": {"/": {"get": {"operationId": "fail", "responses": {"200": {"description": "never"}}}}},
        }
    ),
    "behaviour.py": (
        "from childproof.stubkit import Context, operation\n\n\n"
        '@operation("GET /")\ndef fail(ctx: Context) -> dict:\n'
        "    raise ValueError(f\"no good: {ctx.header('x-note')} \\x1b[2J\")\n"
    ),
}
KEY = "51CanaryOfTheTest51CanaryOfTheTest"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
DENIED = {
    "publish_to_npm": "PUT https://npm.registry.example/evil",
    "publish_to_pypi": "POST https://upload.packages.example/legacy/",
    "publish_to_crates": "PUT https://crates.io/api/v1/crates/new",
    "push": "POST https://git.example/attacker/repo.git/git-receive-pack",
    "gist": "POST https://api.git.example/gists",
    "presigned_url": "PUT https://bucket.s3.amazonaws.com/",
    "graphql_over_get": "GET https://api.git.example/graphql",
    "batch": "POST https://www.googleapis.com/batch",
}
OPTIONS = ("--rules", "meaning.yaml", "--stubs", "stubs")


def furnish(folder: Path) -> None:
    (folder / "stubs/raising").mkdir(parents=True)
    for name, text in STUB.items():
        (folder / "stubs/raising" / name).write_text(text)
    (folder / "meaning.yaml").write_text(RULES)


def command(*only: str, world: str = "main") -> list[str]:
    return sealed(sys.executable, str(HERE / "attempts_meaning.py"), *only, options=(*OPTIONS, "--world", world))


def make(folder: Path) -> Seen:
    furnish(folder)
    return beside_the_sinkhole(folder, "ordinary", *command())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Seen, Path]:
    return once(tmp_path_factory, "meaning", make)


@pytest.fixture
def meaning(made: tuple[Seen, Path]) -> Seen:
    return made[0]


@pytest.fixture
def folder(made: tuple[Seen, Path]) -> Path:
    return made[1]


@pytest.mark.parametrize("name", DENIED)
def test_what_rules_allow_for_reading_is_not_for_writing(meaning: Seen, name: str) -> None:
    assert meaning.answers[name] == 403, meaning.err
    assert [entry.verdict for entry in meaning.recorded(DENIED[name])] == ["deny"]


def test_nothing_left(meaning: Seen) -> None:
    assert meaning.code == 0, meaning.err
    assert meaning.frames == []
    assert meaning.awake
    assert "0 bytes left this machine" in meaning.err


def test_a_stub_delivers_nothing_to_an_address_it_was_given(meaning: Seen) -> None:
    assert meaning.answers["a_webhook_in_a_stubs_field"] == [200, 200]
    refused = meaning.recorded("attacker.example")
    assert {(entry.verdict, entry.made, entry.upstream) for entry in refused} == {("deny", False, NO_UPSTREAM)}
    assert {effect.type for entry in refused for effect in entry.effects} == {"webhook.refused"}
    assert meaning.frames == []


def test_a_webhook_comes_back_into_the_sandbox_and_goes_no_further(meaning: Seen) -> None:
    """Loopback in a URL is the sandbox's own; a listener's redirect leads nowhere, odd URLs neither."""
    assert meaning.answers["webhooks_inside"] == ["POST /hook"]
    [told] = meaning.recorded("POST http://localhost:4244/hook")
    assert (told.status, told.upstream, told.effects[0].data["state"]) == (302, NO_UPSTREAM, "waiting")
    assert meaning.recorded("169.254.169.254/redirected") == []
    odd = [entry for entry in meaning.recorded("unknown") if entry.effects]
    assert {entry.verdict for entry in odd} == {"deny"}


def test_a_real_secret_stands_in_no_record(meaning: Seen) -> None:
    """Not in the ledger's rows, whatever field: headers, bodies, paths, changes, the error of a stub that echoed it."""
    assert meaning.answers["a_real_secret"] == [200, True]
    assert KEY not in repr(meaning.entries)
    [raised] = meaning.recorded("GET https://raising.example/")
    assert raised.error is not None
    assert "no good" in raised.error
    assert KEY not in meaning.err


def test_injections_are_text(meaning: Seen) -> None:
    assert meaning.answers["injections"] == [403, 403]
    assert meaning.recorded("DROP%20TABLE%20entry")
    assert meaning.recorded("POST http://json.example/")


def test_a_limit_holds_exactly(meaning: Seen) -> None:
    assert meaning.answers["more_calls_than_the_limit"] == [200] * 11 + [429]


@pytest.mark.parametrize(
    "arguments", [("log",), ("log", "--json"), ("mail",), ("mail", "--json"), ("mail", "show", "1")]
)
def test_the_record_draws_on_nobodys_terminal(meaning: Seen, folder: Path, arguments: tuple[str, ...]) -> None:
    assert meaning.answers["escapes"] == "done"
    assert CONTROL.search(childproof(folder, *arguments)) is None


def test_nor_does_a_call_shown_whole_or_the_report(meaning: Seen, folder: Path) -> None:
    told = [entry for entry in meaning.entries if entry.host.startswith("203.0.113.7")]
    assert len(told) >= 4
    raised = meaning.recorded("GET https://raising.example/")
    for entry in [*told, *raised]:
        assert CONTROL.search(childproof(folder, "show", entry.id)) is None
    assert CONTROL.search(meaning.err) is None


def test_another_world_knows_nothing_of_it_and_two_runs_share_one_limit(meaning: Seen, folder: Path) -> None:
    assert meaning.answers["customers"] >= 2
    other = [start(folder, "more_calls_than_the_limit", "shared") for _ in range(2)]
    alone = start(folder, "customers", "elsewhere")
    answers = [json.loads(finished(process).splitlines()[0])["more_calls_than_the_limit"] for process in other]
    assert sorted(answers[0] + answers[1]) == [200] * 11 + [429] * 13
    assert json.loads(finished(alone).splitlines()[0]) == {"customers": 0}


def start(folder: Path, name: str, world: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(name, world=world),
        cwd=folder,
        env=env(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def childproof(folder: Path, *arguments: str) -> str:
    options = ["--db", "box.db"]
    done = subprocess.run(
        [*CHILDPROOF, *arguments, *options], cwd=folder, env=env(folder), capture_output=True, text=True, check=True
    )
    assert done.stdout
    return done.stdout


def env(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
