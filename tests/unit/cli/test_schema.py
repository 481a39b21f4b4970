"""`childproof schema`: what it prints is a JSON Schema that takes the files of its format."""

import contextlib
import json
from pathlib import Path

import click
import jsonschema_rs
import pytest
import yaml

from childproof.cli.main import main
from childproof.cli.schema import NAMES, find_schema

ROOT = Path(__file__).resolve().parents[3]


def shown(name: str, capsys: pytest.CaptureFixture[str]) -> object:
    with pytest.raises(SystemExit):
        main(["schema", name])
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("name", "files"), [("rules", "rules/**/*.yaml"), ("case", "rules/cases/*.yaml")])
def test_shipped_files_follow_the_printed_schema(name: str, files: str, capsys: pytest.CaptureFixture[str]) -> None:
    validator = jsonschema_rs.validator_for(shown(name, capsys))
    for file in ROOT.glob(files):
        if name == "case" or file.parent.name != "cases":
            assert [error.message for error in validator.iter_errors(yaml.safe_load(file.read_text()))] == []


def test_cases_of_stubs_follow_the_schema_of_cases_too() -> None:
    validator = jsonschema_rs.validator_for(find_schema("case"))
    assert validator.is_valid([{"case": "x", "calls": [{"GET /v1/x": None}]}])
    assert not validator.is_valid([{"case": "x"}])


def test_a_rule_needs_exactly_one_action_in_editors_as_well() -> None:
    validator = jsonschema_rs.validator_for(find_schema("rules"))
    rule = {"name": "a", "match": {}}
    assert validator.is_valid({"version": 1, "rules": [{**rule, "deny": {}}]})
    assert not validator.is_valid({"version": 1, "rules": [rule]})
    assert not validator.is_valid({"version": 1, "rules": [{**rule, "deny": {}, "stub": "x"}]})


@pytest.mark.parametrize("name", NAMES)
def test_every_format_that_has_a_schema_has_a_valid_one(name: str) -> None:
    with contextlib.suppress(click.ClickException):  # a format of a later version
        jsonschema_rs.meta.validate(find_schema(name))
