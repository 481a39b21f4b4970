"""Rules that a client sends: nothing of the server's files, and no credential that it hasn't read already."""

import pytest

from .conftest import Api

SECRET = "{placeholder: CHILDPROOF_A, header: authorization, from: {env: HOME}}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("include: [/etc/passwd]\nrules: []", "/etc/passwd"),
        ("include: [../secret.yaml]\nrules: []", "secret.yaml"),
        (f"rules: [{{name: a, match: {{host: a.example, method: GET}}, allow: {{secrets: [{SECRET}]}}}}]", "HOME"),
    ],
)
def test_no_text_reaches_the_server(api: Api, text: str, words: str) -> None:
    """Neither its files nor its environment."""
    told = api.ask("POST", "/rules/check", {"text": f"version: 1\n{text}\n"})
    assert told.status == 422
    assert any(words in one["found"] for one in told.json["errors"]), told.json


def test_what_ships_may_be_included(api: Api) -> None:
    """The presets, as in a file."""
    text = "version: 1\ninclude: [presets/cloud-metadata.yaml]\nrules: []\n"
    assert api.ask("POST", "/rules/check", {"text": text}).json["rules"] > 0


def test_a_long_text_is_read_like_a_short_one(api: Api) -> None:
    """In a thread: its rules, or its faults."""
    rules = "".join(
        f"  - {{name: r{one}, match: {{host: h{one}.example}}, deny: {{reason: no}}}}\n" for one in range(400)
    )
    assert api.ask("POST", "/rules/check", {"text": f"version: 1\nrules:\n{rules}"}).json == {"rules": 400}
    told = api.ask("POST", "/rules/check", {"text": f"version: 1\nrules:\n{rules}  - {{nam: a}}\n"})
    assert told.json["errors"][0]["line"] == 403
