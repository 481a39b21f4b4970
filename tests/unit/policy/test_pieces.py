"""Rule files read piece by piece: what comes of it is what comes of reading them as a whole."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.policy import Rule, Ruleset, Source, load, load_ruleset
from childproof.policy.pieces import cut

R = "{name: %s, match: {host: %s.example}, deny: {}}"
ONE, TWO, THREE = (R % (name, name) for name in ("one", "two", "three"))
PLAIN = f"version: 1\nrules:\n  - {ONE}\n  - {TWO}\n  - {THREE}\n"
SECRET = """  - name: paid
    match: {host: paid.example}
    allow: {secrets: [{placeholder: sk_placeholder, header: authorization, from: {env: TOKEN}}]}
"""
USUAL = [
    PLAIN,
    f"rules:\n- {ONE}\n- {TWO}\nversion: 1\nenforce: false\n",
    f"# about\nversion: 1\n\nrules:  # some\n\n  # one\n  - {ONE}\n\n# two\n  - {TWO}\n\n",
    "version: 1\nrules:\n  - name: one\n    match:\n      host:\n      - one.example\n      - two.example\n    deny: {}\n",
    "version: 1\nrules:\n  -\n    name: one\n    match: {host: a.example}\n    reply:\n      text: |\n        - a\n\n        # b\n  - "
    + TWO
    + "\n",
    "version: 1\nrules:\n  - name: one\n    match: {}\n    reply:\n      text: |+\n        a\n\n\n",
    'version: 1\nrules:\n  - name: one\n    match: {}\n    when: call.port == 1 && call.host == "x"\n    deny: {}\n',
]
UNUSUAL = [
    "",
    "version: 1\n",
    "version: 1\nrules: []\n",
    f"version: 1\nrules: [{ONE}]\n",
    PLAIN.removesuffix("\n"),
    PLAIN.replace("\n", "\r\n"),
    PLAIN.replace("\n  - {name: two", "\u2028  - {name: two"),
    f"version: 1\nrules:\n  - {ONE}\n  - {TWO.replace('{host', '&place {host')}\n",
    f"version: 1\nrules:\n  - &one {ONE}\n",
    "version: 1\nrules:\n  - name: one\n    match: {}\n    reply:\n      text: |+\n        a",
]
# Seeming items within a text, seeming lists within a text, and what is no YAML at all.
ODD = [
    f'version: 1\nrules:\n  - name: "a\n  - {ONE}\n  - b"\n    match: {{}}\n    deny: {{}}\n',
    f'version: 1\ndescription: "\nrules:\n  - {ONE}\n"\n',
    f'version: 1\nx: "\nrules:\n  - {ONE}\n"\n"rules":\n',
    f"version: 1\nrules:\n  - {ONE}\n - {TWO}\n",
    f"version: 1\nrules:\n  - {ONE}\n   - {TWO}\n",
    f"version: 1\nrules:\n  - {ONE}\n  more: 1\n",
    f"version: 1\nrules:\n  - {ONE}\nrules:\n  - {TWO}\n",
    f"version: 1\nrules:\n  - {ONE}\n'rules': []\n",
    f"version: 1\nrules:\n  - {ONE}\n---\nversion: 1\n",
    f"version: 1\nrules:\n  - {ONE}\n\t- {TWO}\n",
    f"version: 1\nrules:\n  - {ONE}\n  - *one\n",
    f"version: 1\nrules:\n  - {ONE}\n  - one\n",
    f"version: 1\nrules:\n  - {ONE}\n  -\n",
    f"version: 1\nrules:\n  - {ONE}\n  - {ONE}\n",
    f"version: 1\nrules:\n  - {ONE}\ninclude: x.yaml\n",
    f"version: 1\nrules:\n  - {ONE}\n  - - {TWO}\n",
    f"version: 1\nrules:\n  - {ONE}\n  - {{name: x, match: {{}}, allow: {{}},\n  - deny: {{}}}}\n",
    f"version: 1\nrulse: []\nrules:\n  - {ONE}\n",
    f"version: 2\nrules:\n  - {ONE}\n",
    f"version: 1\nrules:\n  - {ONE}\n  - {{name: two, match: {{host: 'http://x'}}, dney: {{}}}}\n",
    f"version: 1\nrules:\n  - {ONE}\n  - {{name: two, name: two, match: {{}}, deny: {{}}}}\n",
    f"version: 1\nrules:\n  - {{name: all, match: {{}}, deny: {{}}}}\n  - {ONE}\n",
]


def outcome(text: str) -> Sequence[object]:
    """The rules of a text, or all that is wrong with it."""
    try:
        return load_ruleset([Source("rules.yaml", text)]).rules
    except InputError as error:
        return error.faults


@pytest.mark.parametrize("text", [*USUAL, *UNUSUAL, *ODD])
def test_pieces_come_to_what_the_whole_does(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules, or the same faults at the same places."""
    found = outcome(text)
    monkeypatch.setattr(load, "read_pieces", lambda *_: None)
    assert found == outcome(text)


@pytest.mark.parametrize("text", [*USUAL, SECRET.join(["version: 1\nrules:\n", ""])])
def test_usual_files_are_cut_and_nothing_is_lost(text: str) -> None:
    """The pieces are the text, and the rules that they came to stand beside it."""
    pieces = cut(text)
    assert pieces is not None
    assert pieces.head + "".join(pieces.items) + pieces.tail == text
    [kept] = load_ruleset([Source("rules.yaml", text)]).texts
    assert len(kept.items) == len(pieces.items)


def again(former: Ruleset, text: str, **options: object) -> tuple[Rule, ...]:
    return load_ruleset([Source("rules.yaml", text)], former=former, **options).rules  # type: ignore[arg-type]


def test_rules_whose_text_is_the_same_are_taken_over() -> None:
    """One that changed is read, whatever moved stays; with another `enforce`, all of them are read."""
    former = load_ruleset([Source("rules.yaml", PLAIN)])
    one, two, three = former.rules
    rules = again(former, PLAIN.replace("two.example", "2.example").replace("version: 1", "# more\nversion: 1"))
    assert rules[0] is one
    assert rules[2] is three
    assert rules[1].match.hosts == ("2.example",)
    assert again(former, f"version: 1\nrules:\n  - {THREE}\n  - {ONE}\n") == (three, one)
    assert two.enforce
    assert [rule.enforce for rule in again(former, "enforce: false\n" + PLAIN)] == [False] * 3


def test_what_was_taken_over_is_looked_at_beside_the_others() -> None:
    """Names and rules in the way are found among rules that were known, and a stub that is gone."""
    stubs = "version: 1\nrules:\n  - {name: one, match: {}, stub: crm}\n"
    former = load_ruleset([Source("rules.yaml", stubs)], stubs=["crm"])
    assert again(former, stubs, stubs=["crm"])[0] is former.rules[0]
    with pytest.raises(InputError, match=r"rules\.yaml:3:28: the unknown stub 'crm'"):
        again(former, stubs, stubs=["other"])
    former = load_ruleset([Source("rules.yaml", PLAIN)])
    with pytest.raises(InputError, match=r"rules\.yaml:7:6: rule 'more', which can never match"):
        again(former, PLAIN + "  - {name: all, match: {}, deny: {}}\n  - {name: more, match: {}, deny: {}}\n")
    with pytest.raises(InputError, match="'one' a second time"):
        again(former, PLAIN + f"  - {ONE}\n")


def test_a_rule_that_knows_its_place_is_read_again() -> None:
    """Where a credential is named is said to whoever looks for it: by today's line."""
    former = load_ruleset([Source("rules.yaml", "version: 1\nrules:\n" + SECRET)])
    [rule] = again(former, "version: 1\n\nrules:\n" + SECRET)
    assert former.rules[0].allow.secrets[0].place == ("rules.yaml", 5, 76)
    assert rule.allow.secrets[0].place == ("rules.yaml", 6, 76)


def test_includes_are_read_where_they_stand(tmp_path: Path) -> None:
    """Above the rules and among them, also when the including file is known."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"version: 1\nrules:\n  - {R % (name, name)}\n")
    main = tmp_path / "main.yaml"
    main.write_text(f"version: 1\ninclude: a.yaml\nrules:\n  - {ONE}\n  - include: b.yaml\n  - {TWO}\n")
    former = load_ruleset([main])
    assert [rule.name for rule in former.rules] == ["a", "one", "b", "two"]
    assert len(former.texts) == 3
    (tmp_path / "b.yaml").write_text(f"version: 1\nrules:\n  - {THREE}\n")
    now = load_ruleset([main], former=former)
    assert [rule.name for rule in now.rules] == ["a", "one", "three", "two"]
    assert now.rules[1] is former.rules[1]
