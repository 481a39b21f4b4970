"""YAML that people write (`documents.py`), rule files (`policy/load.py`) and world files (`world/worldfile.py`).

Only InputError is raised, every fault has a place within the text, and what our writer writes is read back as it was.
"""

import json
from typing import Any

from childproof.documents import read_yaml
from childproof.errors import Fault, InputError
from childproof.policy import load_ruleset
from childproof.policy.source import Source
from childproof.world import worldfile
from childproof.world.yamltext import to_yaml


def check(data: bytes) -> None:
    """The text as a document, as a rule file and as a world file."""
    text = data.decode("utf-8", "replace")
    try:
        document, faults = read_yaml(text, "file.yaml", most=10_000)
    except InputError as error:
        _placed(error.faults, text)
    else:
        _placed(faults, text)
        value = document.value
        json.dumps(value)
        for path in list(document.places)[:200]:
            line, column = document.place(path)
            assert line >= 1
            assert column >= 1
        if isinstance(value, dict) and not faults:
            _round_trip(value)
    try:
        load_ruleset([Source("rules.yaml", text, None)])
    except InputError as error:
        _placed(error.faults, text)
    try:
        worldfile.read(text, "world.yaml")
    except InputError as error:
        _placed(error.faults, text)


def _placed(faults: list[Fault] | tuple[Fault, ...], text: str) -> None:
    lines = len(text.splitlines()) + 1
    for fault in faults:
        assert fault.found
        assert 0 <= fault.line <= lines + 1, (fault, lines)


def _round_trip(value: dict[str, Any]) -> None:
    if any("\ud800" <= sign <= "\udfff" for sign in json.dumps(value, ensure_ascii=False)):
        return  # JSON that comes in has none of these
    written = "\n".join(to_yaml(value)) + "\n"
    again, faults = read_yaml(written, "again.yaml")
    assert not faults, faults
    assert json.dumps(again.value) == json.dumps(value or None), written
