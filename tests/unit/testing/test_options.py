"""What tests write of their worlds, as values."""

from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.testing.options import options


def test_files_are_read_from_the_first_folder_that_has_them_and_texts_are_taken_as_they_are(tmp_path: Path) -> None:
    """The same text is the same kind of world, wherever it came from."""
    (tmp_path / "rules.yaml").write_text("version: 1\ndefault: deny\n")
    wanted = options({"rules": "rules.yaml", "seed": 7}, [tmp_path / "none", tmp_path], "here")
    same = options({"rules": "version: 1\ndefault: deny\n", "seed": 7}, [], "there")
    assert wanted == same
    assert wanted.name == same.name != options({}, [], "here").name == "base"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sed": 1}, "unknown key 'sed'; expected one of seed, .*\n    write: seed=…"),
        ({"rules": "none.yaml"}, "here: rules: there is no none.yaml in "),
        ({"seed": "7"}, "here: seed: '7'; expected a number"),
        ({"file": "a: 1\n", "from_": "b: 1\n"}, "one of them"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_write(given: dict[str, object], said: str, tmp_path: Path) -> None:
    """Keys by the nearest name."""
    with pytest.raises(InputError, match=said):
        options(given, [tmp_path], "here")
