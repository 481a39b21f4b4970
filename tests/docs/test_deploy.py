"""docs/deploy.md: what it names is there, its commands are ones that exist, and its table of what was tried tells the truth."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from childproof.cli.main import cli
from childproof.errors import InputError
from childproof.run.config.config import load_config
from tests.deploy.composefile import FOLDER as COMPOSE
from tests.deploy.composefile import read as compose
from tests.deploy.kustomize import build, containers
from tests.deploy.test_kubernetes import FOLDERS, VERSIONS
from tests.docs.story import blocks

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "deploy.md").read_text()
CODE = re.findall(r"`([^`\n]+)`", TEXT) + [line for _, _, text in blocks(TEXT) for line in text.splitlines()]


def commands() -> list[list[str]]:
    """Every `childproof …` command of the page, whatever carries it into a container."""
    found = []
    for line in CODE:
        position = re.search(r"(?:^|-- |/bin/|exec childproof )(childproof [a-z].*)$", line)
        if position:
            words = shlex.split(re.split(r" [>|] ", position[1])[0], comments=True)
            found.append([word for word in words if word != "…"])
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_each_command_is_one_of_ours(words: list[str]) -> None:
    """Command and options exist; arguments may be left out in running text."""
    group: click.Command = cli
    left = words[1:]
    while isinstance(group, click.Group) and left and not left[0].startswith("-"):
        found = group.get_command(click.Context(group), left.pop(0))
        assert found is not None, words
        group = found
    known = {option for parameter in group.params for option in parameter.opts} | {"--help"}
    assert {word for word in left if word.startswith("--")} <= known


def test_commands_were_found() -> None:
    """The pattern sees those in containers, too."""
    found = {" ".join(words[:2]) for words in commands()}
    assert {"childproof log", "childproof init", "childproof health", "childproof world", "childproof ca"} <= found


@pytest.mark.parametrize("path", sorted(set(re.findall(r"deploy/[\w./-]*\w", TEXT))))
def test_each_file_that_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\((\w+\.md)", TEXT))))
def test_each_page_that_it_links_is_there(path: str) -> None:
    assert (ROOT / "docs" / path).exists()


def test_its_table_names_what_the_tests_do() -> None:
    """The versions whose schemas were used, the folders that were built, the programs of the tests."""
    assert f"Kubernetes' schemas of {VERSIONS[0]}, {VERSIONS[1]} and {VERSIONS[2]}" in TEXT
    for name in FOLDERS:
        assert name in TEXT
    for name in re.findall(r"`(test_\w+\.py)`", TEXT):
        assert (ROOT / "tests" / "deploy" / name).exists()
    executed = {path.name for path in (ROOT / "tests" / "deploy").glob("test_as_*.py")}
    assert executed <= set(re.findall(r"`(test_\w+\.py)`", TEXT))


def test_every_service_and_container_is_explained() -> None:
    named = set(re.findall(r"^\| `([\w-]+)` \|", TEXT, re.MULTILINE))
    assert set(compose("compose.yaml")["services"]) <= named
    base = build(ROOT / "deploy" / "kubernetes" / "base")
    assert {container["name"] for one in base for container in containers(one)} <= named
    assert {path.name for path in (ROOT / "deploy" / "systemd").glob("*.service")} <= set(
        re.findall(r"`([\w@.-]+)`", TEXT)
    )


def test_what_it_shows_of_a_configuration_is_what_ships() -> None:
    """The listeners of two sandboxes."""
    [shown] = [text for kind, file, text in blocks(TEXT) if (kind, file) == ("yaml", "childproof.yaml")]
    shipped = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "shared" / "childproof.yaml").read_text())
    assert yaml.safe_load(shown)["listen"] == shipped["listen"]


def test_a_services_variable_is_refused_as_it_says(tmp_path: Path) -> None:
    """Why service links are off."""
    with pytest.raises(InputError, match="unknown variable CHILDPROOF_SERVICE_HOST"):
        load_config({"CHILDPROOF_SERVICE_HOST": "10.96.0.20", "HOME": "/"}, tmp_path)


def test_settings_that_it_tells_to_set_are_there() -> None:
    """For several sandboxes on one machine."""
    settings = (COMPOSE / ".env").read_text()
    for name in ("NETWORK", "SANDBOX", "AGENT_IMAGE"):
        assert f"\n{name}=" in settings
