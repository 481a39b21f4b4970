"""Each fuzz target keeps its promise over its corpus, without atheris: what was found once is not found again."""

import importlib

import pytest

from tests.fuzz import CORPUS, DICTIONARIES, NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_target_keeps_its_promise_over_its_corpus(name: str) -> None:
    check = importlib.import_module(f"tests.fuzz.targets.{name}").check
    files = sorted((CORPUS / name).iterdir())
    assert files
    for file in files:
        try:
            check(file.read_bytes())
        except Exception as error:
            error.add_note(f"input: {file}")
            raise


def test_every_corpus_and_dictionary_has_its_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(NAMES)
    assert {file.stem for file in DICTIONARIES.iterdir()} <= set(NAMES)
