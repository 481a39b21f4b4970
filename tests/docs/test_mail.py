"""docs/mail.md: every command in it runs, and every key it names is there."""

import json
import re
from email.message import EmailMessage
from pathlib import Path

import pytest
from click.testing import CliRunner

from childproof.catalog import load_catalog
from childproof.cli.main import cli
from childproof.model import Call, Envelope, Protocol
from childproof.policy import Source, load_ruleset
from childproof.world import Store

TEXT = (Path(__file__).parents[2] / "docs" / "mail.md").read_text()
COMMANDS = [
    line.partition("#")[0].strip()
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    if not language
    for line in block.splitlines()
    if line.startswith("childproof mail")
]
COMMANDS += re.findall(r"`(childproof mail [^`]*--json)`", TEXT)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mail = EmailMessage()
    mail["To"], mail["Subject"] = "jenny@example.com", "Your receipt"
    mail.set_content("text")
    mail.add_alternative("<b>html</b>", subtype="html")
    mail.add_attachment(b"1", maintype="application", subtype="pdf", filename="a.pdf")
    call = Call(
        Protocol.SMTP,
        "h.example",
        25,
        "demo",
        body=mail.as_bytes(),
        envelope=Envelope("a@b.example", ("jenny@example.com",)),
    )
    with Store.open(tmp_path / "childproof.db", wall=lambda: 0) as store, store.create("demo").transaction() as tx:
        load_catalog().get("email").answer(call, tx)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs(folder: Path, command: str) -> None:
    result = CliRunner().invoke(cli, command.split()[1:])
    assert result.exit_code == 0, repr(result.exception)
    assert result.stdout_bytes


def test_the_keys_are_those_of_a_message(folder: Path) -> None:
    named = {
        key
        for cell in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", TEXT, re.MULTILINE)
        for key in re.findall(r"`(\w+)`", cell)
    }
    assert named == json.loads(CliRunner().invoke(cli, ["mail", "--json"]).stdout).keys()


def test_the_rule_loads() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    rules = "version: 1\nrules:\n" + "".join(f"  {line}\n" for line in block.splitlines())
    load_ruleset([Source("docs/mail.md", rules)], stubs={"email"}, include_roots=[])
