"""docs/trust.md: its commands run in its order, its tables say what is published and set."""

import re
import shlex
import sys

import pytest
from click.testing import CliRunner

from childproof.capture.mitm.mounted import read_mounted
from childproof.cli.main import cli
from childproof.run.authority import Authority
from childproof.run.config.config import CAFiles, Config
from childproof.sandbox.trust.trust import variables
from tests.docs.story import DOCS
from tests.unit.capture.mitm.authorities import NOW, Made, mount
from tests.unit.sandbox.trust.workload_tree import confined

PAGE = (DOCS / "trust.md").read_text()
USUAL = "/run/childproof/ca"


def lines(block: int) -> list[str]:
    """The commands of one block, without what is said about them."""
    found = [
        text for language, text in re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) if not language
    ]
    return [line.split("  #")[0].strip() for line in found[block].splitlines() if line.strip()]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    (folder / "ca").mkdir()
    (folder / "childproof.yaml").write_text("state: state\nca: {publish: ca}\n")
    Authority(Config(folder / "state", ca=CAFiles(publish=folder / "ca")))
    return folder


def test_the_table_of_files_is_what_is_published(published):
    section = PAGE.partition("| file | is |")[2].partition("```")[0]
    assert set(re.findall(r"^\| `([\w.-]+)` \|", section, re.MULTILINE)) == {
        path.name for path in (published / "ca").iterdir()
    }


def test_every_variable_that_is_set_is_in_the_table():
    table = PAGE.partition("## Each ecosystem")[2].partition("## Proof")[0]
    assert [name for name in variables("/bare", "/merged") if f"`{name}`" not in table] == []


def test_showing_printing_and_rotating_work_in_the_order_of_the_page(published, monkeypatch):
    """Installing into this machine's own stores is left to tests/unit/sandbox/trust/test_stores.py."""
    monkeypatch.chdir(published)
    for line in (*lines(0)[:2], *lines(1)):
        done = CliRunner().invoke(cli, shlex.split(line)[1:])
        assert done.exit_code == 0, done.output
    assert done.output == "steady; next: childproof ca rotate prepare\n"
    assert {line.split()[2] for line in lines(0)[2:]} == {"install", "uninstall"}


def test_the_wrappers_start_what_they_are_given(published, tmp_path):
    """By the shell and by Python, on a file system where nothing else can be written."""
    for program, name in (("python", "agent.py"), ("node", "agent.js")):
        (tmp_path / program).write_text('#!/bin/sh\ncat "$1"; grep -c BEGIN "$SSL_CERT_FILE"; echo "$HTTPS_PROXY"\n')
        (tmp_path / program).chmod(0o755)
        (tmp_path / name).write_text(f"this is {name}\n")
    (tmp_path / "childproof").write_text(f'#!/bin/sh\nexec {sys.executable} -m childproof "$@" \n')
    (tmp_path / "childproof").chmod(0o755)
    for line in lines(2):
        command = line.replace(USUAL, str(published / "ca")).replace("trust --", f"trust --ca {published / 'ca'} --")
        done = confined(tmp_path, "sh", "-c", f'PATH="{tmp_path}:$PATH"; {command}')
        said = done.stdout.splitlines()
        assert (done.returncode, said[0]) == (0, f"this is agent.{'js' if 'node' in line else 'py'}"), done.stderr
        assert said[2] == ("http://childproof:8080" if "--proxy" in line else "")


@pytest.mark.parametrize("mode", ["0400", "0440", "0640"])
def test_the_modes_of_the_page_are_taken(tmp_path, mode):
    assert mode in PAGE
    made = Made()
    assert read_mounted(*mount(tmp_path, made, key=made, mode=int(mode, 8)), tmp_path / "shown", now=lambda: NOW)
