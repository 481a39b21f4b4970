"""systemd's unit files, read as far as running their commands takes: sections of lists, `%i`, and an environment file."""

import re
import shlex
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"


def read(name: str, instance: str) -> dict[str, list[str]]:
    """A unit's keys, of all sections, each with its values in order; the template's instance is in its places."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / name).read_text().splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith(("#", "[")):
            found.setdefault(key, []).append(value.replace("%i", instance))
    return found


def commands(unit: dict[str, list[str]], key: str, environment: dict[str, str]) -> list[tuple[list[str], bool]]:
    """The commands of `ExecStart` or another key, and whether each may fail."""
    found = []
    for value in unit.get(key, ()):
        words = shlex.split(value.removeprefix("-"))
        filled = [re.sub(r"\$\{(\w+)\}", lambda name: environment[name[1]], word) for word in words]
        found.append((filled, value.startswith("-")))
    return found


def assignments(file: Path) -> dict[str, str]:
    """What an `EnvironmentFile` sets."""
    lines = (line.partition("=") for line in file.read_text().splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in lines}
