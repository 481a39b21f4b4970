"""docs/rules.md: its examples load, its commands print what it shows, and it names every key, option and field."""

import re
import shlex
from pathlib import Path

import pytest

from childproof.catalog.shipped import shipped
from childproof.cli.main import main
from childproof.cli.rules import rules as commands
from childproof.cli.schema import find_schema
from childproof.policy import Source, load_ruleset
from childproof.policy.cases import load_cases, run_case
from childproof.policy.condition import FIELDS, SMTP_FIELDS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "rules.md").read_text()
STUBS = sorted(path.parent.name for path in shipped("stubs").glob("*/stub.yaml"))


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


COMMANDS = re.findall(r"^\$ (childproof [^\n]*)\n((?:(?!\$ )[^\n]+\n)*)", "".join(blocks("console")), re.MULTILINE)


@pytest.mark.parametrize("text", blocks("yaml rules"))
def test_every_example_loads(text: str) -> None:
    assert len(load_ruleset([Source("docs/rules.md", text)], stubs=STUBS, include_roots=[ROOT / "rules"])) > 0


@pytest.mark.parametrize("text", blocks("yaml cases"))
def test_every_case_holds(text: str, tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text(text)
    cases = load_cases([tmp_path / "cases.yaml"], rules=[ROOT / "rules" / "default.yaml"], stubs=STUBS)
    assert cases
    assert [failure for case in cases for failure in run_case(case)] == []


@pytest.mark.parametrize(("command", "output"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_every_command_prints_what_is_shown(
    command: str, output: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as caught:
        main(shlex.split(command)[1:])
    assert not caught.value.code
    assert capsys.readouterr().out == output


def test_there_are_commands_and_examples_to_run() -> None:
    assert len(COMMANDS) >= 4
    assert len(blocks("yaml rules")) >= 4


def test_every_key_of_the_formats_is_documented() -> None:
    rules, case = find_schema("rules"), find_schema("case")
    ours = next(one for one in case.get("anyOf", [case]) if "rules" in one["title"] or "rule" in one["title"])
    defs = rules["$defs"]
    keys = {
        *rules["properties"],
        *(key for name in ("rule", "match", "reply", "limit") for key in defs[name]["properties"]),
        *(key for name in ("allow", "fault", "delay") for key in defs["rule"]["properties"][name]["properties"]),
        *ours["$defs"]["case"]["properties"],
        *ours["$defs"]["earlier"]["properties"],
    }
    assert {key for key in keys if f"`{key}`" not in TEXT and f"`{key}:" not in TEXT} == set()


def test_every_field_of_call_and_every_option_is_documented() -> None:
    fields = frozenset.union(*FIELDS.values())
    assert {field for field in fields if f"`call.{field}`" not in TEXT} == set()
    assert {field for field in SMTP_FIELDS if f"`{field}`" not in TEXT} == set()
    options = {
        name
        for command in commands.commands.values()
        for option in command.params
        for name in option.opts
        if name.startswith("--")
    }
    assert {option for option in options if option not in TEXT} == set()
