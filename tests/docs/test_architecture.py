"""ARCHITECTURE.md names what there is."""

import re
from pathlib import Path

import pytest

import childproof

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
NAMES = re.compile(r"`([\w/]+)`")
PACKAGE = Path(childproof.__file__).parent


@pytest.mark.parametrize(
    ("layer", "heading"),
    [("stubkit", "| package of `stubkit` |"), ("run", "| package of `run` |"), ("sandbox", "| package of `sandbox` |")],
)
def test_the_table_of_a_layer_names_every_module_in_its_package(layer: str, heading: str) -> None:
    """And none that isn't there; the row without a package is what stands beside the packages."""
    rows = PAGE.partition("\n" + heading)[2].partition("\n\n")[0].splitlines()[2:]
    told = {}
    for row in rows:
        package, _, rest = row.strip("| ").partition(" | ")
        told[NAMES.findall(package)[0] if NAMES.search(package) else ""] = set(NAMES.findall(rest.rpartition(" | ")[2]))
    root = PACKAGE / layer
    there = {path.parent.name: modules(path.parent) for path in root.glob("*/__init__.py")}
    assert told == {**there, "": modules(root)}


def modules(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.py")} - {"__init__"}
