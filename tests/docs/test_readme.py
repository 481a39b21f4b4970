"""README.md: its commands work in the order in which they stand, with its rules."""

import re
from pathlib import Path

import pytest

from tests.docs.story import blocks, environment, follow

TEXT = (Path(__file__).parents[2] / "README.md").read_text()
AGENT = """
import smtplib, urllib.parse, urllib.request

def call(path, **form):
    request = urllib.request.Request("https://api.stripe.com/v1/" + path, urllib.parse.urlencode(form).encode())
    request.add_header("Authorization", "Bearer sk_test_readme")
    urllib.request.urlopen(request).read()

call("customers", email="jo@example.com")
with smtplib.SMTP("smtp.example.com", 25) as server:
    server.sendmail("shop@example.com", ["jo@example.com"], b"Subject: Hello\\r\\n\\r\\nYou are a customer.")
"""


@pytest.mark.sealed
def test_its_commands_are_one_walk(tmp_path: Path) -> None:
    """From the first run to the comparison of two: each finds what those before it have left."""
    [walk] = [text for kind, _, text in blocks(TEXT) if kind == "console"]
    [rules] = [text for kind, _, text in blocks(TEXT) if kind == "yaml"]
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "rules.yaml").write_text(rules)
    expected = {
        "run --world try-1": ["would have sent 1 message to jo@example.com", "childproof log --world try-1"],
        "log": ["POST https://api.stripe.com/v1/customers"],
        "show 3": ["POST https://api.stripe.com/v1/customers"],
        "mail": ["Hello"],
        "world fork": ["try-2: forked from try-1 after call 3"],
        "world diff": ["+ customer cus_"],
        "report": ["childproof · world try-2"],
        "rules explain": ["rule     no-big-refunds"],
    }
    story = walk
    for command, lines in expected.items():
        story, count = re.subn(
            rf"^(\$ childproof {command}\b.*\n)",
            "".join([r"\1", *(f"{line}\n" for line in lines)]),
            story,
            flags=re.MULTILINE,
        )
        assert count == 1, command
    follow(story, tmp_path, environment())


def test_its_rules_are_above_those_that_ship() -> None:
    """So they are what a reader would write first: rules of one's own, and all the rest as it is."""
    [rules] = [text for kind, _, text in blocks(TEXT) if kind == "yaml"]
    assert rules.splitlines()[-1].split("#")[0].strip() == "- include: default.yaml"
