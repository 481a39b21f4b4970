"""Canned replies that come piece by piece."""

import pytest

from childproof.errors import InputError
from childproof.model import Part
from childproof.policy import Source, load_ruleset

RULE = "version: 1\nrules:\n  - {name: r, match: {host: a.example}, reply: {%s}}\n"


def test_parts_are_texts_lines_of_json_and_pauses() -> None:
    text = (
        RULE % 'headers: {content-type: text/event-stream}, parts: ["data: é\\n\\n", {pause: 250ms}, {json: {a: [1]}}]'
    )
    (rule,) = load_ruleset([Source("rules.yaml", text)]).rules
    assert rule.parts == (Part("data: é\n\n".encode()), Part(b"", 0.25), Part(b'{"a":[1]}\n'))
    assert (rule.reply.status, rule.reply.headers) == (200, (("content-type", "text/event-stream"),))


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("parts: []", "parts"),
        ("parts: [7]", "parts"),
        ("parts: [{pause: soon}]", "soon"),
        ("parts: [{pause: 1s, json: 1}]", "parts"),
        ("parts: [{wait: 1s}]", "wait"),
        ('text: a, parts: ["b"]', "'text' and 'parts' together"),
        ('status: 204, parts: ["b"]', "a body with status 204"),
    ],
)
def test_parts_that_are_none_are_refused(reply: str, found: str) -> None:
    with pytest.raises(InputError) as caught:
        load_ruleset([Source("rules.yaml", RULE % reply)])
    assert found in str(caught.value)
