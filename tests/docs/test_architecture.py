"""ARCHITECTURE.md names what there is."""

import re
from pathlib import Path

import childproof.run
import childproof.stubkit

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
NAMES = re.compile(r"`(\w+)`")


def test_the_table_of_the_kit_names_every_module() -> None:
    """And none that isn't there; `_ids` in it stands for `infer_ids`."""
    section = PAGE.partition("\n## The kit")[2].partition("\n## ")[0]
    named = {f"infer{name}" if name.startswith("_") else name for name in NAMES.findall(section)}
    kit = Path(childproof.stubkit.__file__).parent
    modules = {path.stem for path in kit.glob("*.py")} | {path.parent.name for path in kit.glob("*/__init__.py")}
    assert named - {"stubkit"} == modules - {"__init__"}


def test_the_table_of_the_composition_root_names_modules_that_are_there() -> None:
    """Each once."""
    rows = PAGE.partition("\n| `run`, by what it is about |")[2].partition("\n\n")[0]
    named = NAMES.findall(rows)
    assert len(named) > 30
    assert len(named) == len(set(named))
    assert set(named) <= {path.stem for path in Path(childproof.run.__file__).parent.glob("*.py")}
