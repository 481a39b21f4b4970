"""The schemas that ship with this package, and the one that rule files are checked with as they are loaded."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

RULES_SCHEMA = "rules.json"
RULES_KEY = "rules"


@cache
def schema(name: str) -> Any:
    """A JSON Schema that ships with this package, by the file's name."""
    return msgspec.json.decode((Path(__file__).with_name("schemas") / name).read_bytes())


@cache
def loading_schema() -> dict[str, Any]:
    """The schema without what `read_rule` says better: that a rule has exactly one action."""
    whole = schema(RULES_SCHEMA)
    rule = {key: value for key, value in whole["$defs"]["rule"].items() if key != "oneOf"}
    return {**whole, "$defs": {**whole["$defs"], "rule": rule}}
