"""docs/allow.md: its example loads, and it names every kind of credential and every key of a secret."""

import re
from pathlib import Path

from childproof.cli.schema import find_schema
from childproof.policy import Source, load_ruleset
from childproof.policy.allow import ANY_CREDENTIAL, CREDENTIALS, DEFAULT_REPLY, DEFAULT_WITHIN_MS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "allow.md").read_text()


def test_the_example_loads() -> None:
    """As one rule file, with everything that the page is about."""
    [text] = re.findall(r"^```yaml rules\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    rules = load_ruleset([Source("docs/allow.md", text)])
    assert rules.rules[0].allow.secrets[0].header == "authorization"


def test_it_names_every_kind_and_key() -> None:
    """The code's, the schema's and the page's are the same."""
    kinds = find_schema("rules")["$defs"]["credential"]["enum"]
    assert set(kinds) == {ANY_CREDENTIAL, *CREDENTIALS}
    keys = [*find_schema("rules")["$defs"]["secret"]["properties"], "env", "file", "command", "reply", "within"]
    assert [word for word in (*kinds, *keys) if f"`{word}`" not in TEXT] == []


def test_the_defaults_are_those_of_the_code() -> None:
    """1 GiB and 10 minutes."""
    assert (DEFAULT_REPLY, DEFAULT_WITHIN_MS) == (1024**3, 600_000)
    assert "Without them a reply may have 1 GiB and\ntake 10 minutes." in TEXT
