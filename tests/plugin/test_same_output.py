"""Commands print the same of a world whether they read its file or ask the server that has it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import click.testing
import pytest

from childproof.cli.main import cli
from childproof.testing import Box
from childproof.testing.options import Options
from childproof.testing.server import close_all

CALLS = """
import smtplib, urllib.request as u
key = {'Authorization': 'Bearer sk_test_123'}
for email in ('jenny@example.com', 'john@example.com'):
    u.urlopen(u.Request('https://api.stripe.com/v1/customers', f'email={email}'.encode(), key)).read()
try:
    u.urlopen('https://nobody.example/')
except OSError:
    pass
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """A world with some calls in it, at a server of this process."""
    with Box(Options(), "same") as made:
        done = subprocess.run(
            [sys.executable, "-c", CALLS], env={"PATH": "/usr/bin:/bin", **made.env}, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        yield made
    close_all()


@pytest.fixture(scope="module")
def said(box: Box) -> Callable[..., tuple[str, str]]:
    """What a command prints: of the file, and of the server."""

    def both(*words: str) -> tuple[str, str]:
        places = (
            ["--db", str(box.server.store)],
            ["--server", box.server.address, "--token-file", str(box.server.token_file)],
        )
        told = []
        for place in places:
            name = 2 if words[0] in ("world", "mail") and len(words) > 1 else 1
            result = click.testing.CliRunner().invoke(cli, [*words[:name], *place, *words[name:]])
            assert result.exit_code == 0, (words, result.output, result.exception)
            told.append(result.stdout)
        return told[0], told[1]

    return both


@pytest.mark.parametrize(
    "words",
    [
        "log --world {world}",
        "log --world {world} --json",
        "log --world {world} --verdict deny --json",
        "log --world {world} --service stripe --limit 1",
        "log --world {world} --protocol http --path /v1/** --since 1d",
        "log",
        "show 3 --world {world}",
        "show 3 --world {world} --json",
        "world list",
        "world list --json",
        "world show {world}",
        "world clock {world}",
        "world clock {world} --json",
        "world export {world}",
        "world diff base {world} --json",
        "world diff base {world}",
        "mail list --world {world}",
        "mail boxes --world {world} --json",
    ],
)
def test_a_file_and_its_server_say_the_same(box: Box, said: Callable[..., tuple[str, str]], words: str) -> None:
    """One path for both."""
    file, server = said(*words.format(world=box.world.name).split())
    assert server == file


def test_what_there_is_is_something(said: Callable[..., tuple[str, str]], box: Box) -> None:
    """Equal and empty would prove nothing."""
    assert said("log", "--world", box.world.name, "--verdict", "deny")[0].count("nobody.example") == 1
    file, server = (json.loads(one) for one in said("world", "show", box.world.name, "--json"))
    assert {**file, "people": None} == server  # whom a world was seeded with is nothing that the API tells
    assert said("world", "list")[0].count("\n") == 3


def test_worlds_are_changed_over_a_server_too(box: Box) -> None:
    """Create, fork, reset, import and delete, each as on a file."""

    def run(*words: str, code: int = 0) -> str:
        options = ["--server", box.server.address, "--token-file", str(box.server.token_file)]
        result = click.testing.CliRunner().invoke(cli, ["world", words[0], *options, *words[1:]])
        assert (result.exit_code == 0) is (code == 0), (words, result.output, result.exception)
        return result.output

    name = box.world.name
    exported = run("export", name)
    (Path(box.server.folder) / "file.yaml").write_text(exported)
    assert "made, empty" in run("create", "fresh", "--seed", "7", "--clock", "frozen@2026-01-05T09:00:00Z")
    assert f"forked from {name} after call 3" in run("fork", name, "later", "--at", "3", "--set", "agent=a")
    assert "0 calls undone" in run("reset", "later")
    assert "imported" in run("import", str(Path(box.server.folder) / "file.yaml"), "--as", "again")
    for one in ("fresh", "later", "again"):
        assert f"{one}: deleted" in run("delete", one)
    run("delete", "fresh", code=1)
