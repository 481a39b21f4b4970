"""What tests write of their worlds, as values."""

import json
from pathlib import Path

import pytest

from childproof.client import ControlError
from childproof.control.messages import Mistaken
from childproof.errors import InputError
from childproof.testing.options import options


def test_files_are_read_from_the_first_folder_that_has_them_and_texts_are_taken_as_they_are(tmp_path: Path) -> None:
    """The same text is the same kind of world, wherever it came from."""
    (tmp_path / "rules.yaml").write_text("version: 1\ndefault: deny\n")
    wanted = options({"rules": "rules.yaml", "seed": 7}, [tmp_path / "none", tmp_path], "here")
    same = options({"rules": "version: 1\ndefault: deny\n", "seed": 7}, [], "there")
    assert wanted == same
    assert wanted.name == same.name != options({}, [], "here").name == "base"


def test_rules_may_be_a_list_of_them() -> None:
    """Then all else is denied."""
    wanted = options({"rules": [{"name": "x", "match": {"host": "a.example"}, "deny": {}}]}, [], "here")
    assert json.loads(wanted.rules or "") == {
        "version": 1, "default": "deny", "rules": [{"name": "x", "match": {"host": "a.example"}, "deny": {}}]
    }  # fmt: skip


def test_what_the_server_refuses_is_told_with_the_place_in_what_the_test_wrote(tmp_path: Path) -> None:
    """A file's name, its line and column; the key, where there is no file."""
    (tmp_path / "r.yaml").write_text("version: 2\n")
    wanted = options({"rules": "r.yaml", "file": "a: 1\n"}, [tmp_path], "test_x")
    mistakes = [
        Mistaken("/text", "1:10: version: 2", "1", "version: 1"),
        Mistaken("/file", "1:1: a file of `childproof world export`", "a world file", "childproof world import file"),
        Mistaken("/clock", "'soon' is no clock", "real"),
    ]
    assert wanted.worded(ControlError(422, "invalid", "3 faults", mistakes)).splitlines() == [
        "test_x: no such world can be made",
        "  r.yaml:1:10: version: 2; expected 1",
        "    write: version: 1",
        "  file:1:1: a file of `childproof world export`; expected a world file",
        "    write: from_='file'",
        "  clock: 'soon' is no clock; expected real",
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sed": 1}, "unknown key 'sed'; expected one of seed, .*\n    write: seed=…"),
        ({"rules": "none.yaml"}, "here: rules: there is no none.yaml in "),
        ({"seed": "7"}, "here: seed: '7'; expected a number"),
        ({"seed": True}, "here: seed: True; expected a number"),
        ({"clock": 3}, "here: clock: 3; expected real, frozen@TIME"),
        ({"rules": 3}, "here: rules: 3; expected a rule file, its text, or its rules as a list"),
        ({"rules": [{"name": object()}]}, "here: rules: .*object.* unsupported"),
        ({"stubs": {"a": 1}}, "here: stubs: .* expected folders, as a list"),
        ({"file": "a: 1\n", "from_": "b: 1\n"}, "one of them"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_write(given: dict[str, object], said: str, tmp_path: Path) -> None:
    """Keys by the nearest name."""
    with pytest.raises(InputError, match=said):
        options(given, [tmp_path], "here")
