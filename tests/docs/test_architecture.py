"""ARCHITECTURE.md names what there is."""

import re
from pathlib import Path

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
