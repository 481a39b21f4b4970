"""Every command and option is in README or docs, every setting and variable in docs/configuration.md."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import pytest

from childproof.cli.main import cli
from childproof.documents import parse_yaml, schema_faults
from childproof.run.config.variables import PREFIX, VARIABLES

ROOT = Path(__file__).parents[2]
PAGES = {page.name: page.read_text() for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
TEXT = "\n".join(PAGES.values())
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
SCHEMA: dict[str, Any] = json.loads(files("childproof.run").joinpath("schemas/config.json").read_text())


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


COMMANDS = {
    path: command for path, command in commands(cli, "childproof") if "worlds.md" in PAGES or path.split()[1] != "world"
}
OPTIONS = [
    (path, max(option.opts, key=len))
    for path, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option)
]


def keys(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, below in schema.get("properties", {}).items():
        nested = list(keys(below, f"{path}{name}."))
        yield from nested or [f"{path}{name}"]


@pytest.mark.parametrize("path", COMMANDS)
def test_each_command_is_in_the_docs(path: str) -> None:
    assert re.search(rf"{path}\b", TEXT)


def test_help_fits_a_terminal() -> None:
    """Of 80 columns, examples that are shown as they are written too."""
    told = {
        path: command.get_help(click.Context(command, info_name=path, terminal_width=80))
        for path, command in COMMANDS.items()
    }
    assert [(path, line) for path, text in told.items() for line in text.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(("path", "option"), OPTIONS)
def test_each_option_is_in_the_docs(path: str, option: str) -> None:
    assert re.search(rf"(?<![\w-]){option}(?![\w-])", TEXT), f"{path} {option}"


@pytest.mark.parametrize("command", ["run", "serve"])
def test_each_option_of_what_judges_calls_is_in_the_table(command: str) -> None:
    options = [option for path, option in OPTIONS if path == f"childproof {command}"]
    assert [option for option in options if f"`{option}`" not in CONFIGURATION] == []


@pytest.mark.parametrize("key", keys(SCHEMA))
def test_each_setting_of_the_file_is_in_the_table(key: str) -> None:
    assert f"| `{key}` |" in CONFIGURATION


@pytest.mark.parametrize("name", VARIABLES)
def test_each_variable_is_in_the_table(name: str) -> None:
    assert f"`{PREFIX}{name}`" in CONFIGURATION


def test_the_example_is_a_file_that_is_accepted() -> None:
    [example] = re.findall(r"^```yaml\n(.*?)^```$", CONFIGURATION, re.DOTALL | re.MULTILINE)
    assert schema_faults(parse_yaml(example, "example"), SCHEMA) == []
