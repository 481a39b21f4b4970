"""A compose file as Compose reads it: with the values of `.env` in their places, and merged."""

import re
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "compose"


def settings(file: Path = FOLDER / ".env") -> dict[str, str]:
    """The variables that a `.env` sets."""
    lines = (line.partition("=") for line in file.read_text().splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in lines}


def read(name: str) -> dict[str, Any]:
    """A file of deploy/compose. Raises KeyError for a variable that `.env` doesn't set."""
    values = settings()
    text = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], (FOLDER / name).read_text())
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def order(services: dict[str, Any]) -> list[str]:
    """The services in an order in which each comes after those that it depends on."""
    left, found = dict(services), list[str]()
    while left:
        ready = [name for name, service in left.items() if set(service.get("depends_on", ())) <= set(found)]
        assert ready, f"a circle: {sorted(left)}"
        found += ready
        for name in ready:
            del left[name]
    return found
