"""From files to rules: includes in order, values in their compiled form, faults of all files at once."""

import gc
from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.model import Action, Reply
from childproof.policy import Delay, Limit, RuleFault, Ruleset, Source, load_ruleset


def load(text: str, **options: object) -> Ruleset:
    return load_ruleset([Source("rules.yaml", text)], **options)  # type: ignore[arg-type]


def rule_file(folder: Path, name: str, *names: str, include: str = "") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    rules = "".join(f"  - {{name: {rule}, match: {{host: {rule}.example}}, deny: {{}}}}\n" for rule in names)
    file.write_text(f"version: 1\n{f'include: {include}' if include else ''}\nrules:\n{rules}")
    return file


def test_includes_come_before_the_including_files_rules_and_files_in_the_order_given(tmp_path: Path) -> None:
    rule_file(tmp_path, "presets/one.yaml", "one", include="deeper.yaml")
    rule_file(tmp_path, "presets/deeper.yaml", "deeper")
    rule_file(tmp_path, "shipped/presets/two.yaml", "two")
    main = rule_file(tmp_path, "main.yaml", "main", include="[presets/one.yaml, presets/two.yaml]")
    more = rule_file(tmp_path, "more.yaml", "more")
    rules = load_ruleset([main, more], include_roots=[tmp_path / "shipped"])
    assert [rule.name for rule in rules.rules] == ["deeper", "one", "two", "main", "more"]


def test_a_file_beside_the_rules_wins_over_one_that_ships(tmp_path: Path) -> None:
    rule_file(tmp_path, "presets/x.yaml", "mine")
    rule_file(tmp_path, "shipped/presets/x.yaml", "theirs")
    main = rule_file(tmp_path, "main.yaml", "main", include="presets/x.yaml")
    rules = load_ruleset([main], include_roots=[tmp_path / "shipped"]).rules
    assert [rule.name for rule in rules] == ["mine", "main"]


def test_the_faults_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("version: 1\nrules: [{name: a, match: {}, dney: {}}]\n")
    main = rule_file(tmp_path, "main.yaml", "main", include="[broken.yaml, missing.yaml]")
    with pytest.raises(InputError) as caught:
        load_ruleset([main, tmp_path / "nowhere.yaml"])
    found = [(Path(fault.file).name, fault.line, fault.found) for fault in caught.value.faults]
    assert ("broken.yaml", 2, "rules.0: unknown key 'dney'") in found
    assert ("broken.yaml", 2, "no action") in found
    assert ("main.yaml", 2, "no rule file 'missing.yaml'") in found
    assert ("nowhere.yaml", 0, "can't be read: No such file or directory") in found


def test_a_name_may_not_come_again_in_another_file(tmp_path: Path) -> None:
    files = [rule_file(tmp_path, name, "same") for name in ("a.yaml", "b.yaml")]
    with pytest.raises(InputError) as caught:
        load_ruleset(files)
    assert any(
        "'same' a second time" in fault.found and Path(fault.file).name == "b.yaml" for fault in caught.value.faults
    )


def test_includes_below_the_rules_are_refused_for_they_come_first(tmp_path: Path) -> None:
    rule_file(tmp_path, "x.yaml", "x")
    source = Source("rules.yaml", "version: 1\nrules: []\ninclude: x.yaml\n", tmp_path)
    with pytest.raises(InputError, match="'include' below 'rules'"):
        load_ruleset([source])


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("reply: {}", Reply(200)),
        ("reply: {status: 204}", Reply(204)),
        (
            "reply: {status: 402, json: {b: [1, null]}}",
            Reply(402, (("content-type", "application/json"),), b'{"b":[1,null]}'),
        ),
        ("reply: {json: null}", Reply(200, (("content-type", "application/json"),), b"null")),
        (
            "reply: {text: hé, headers: {X-A: 5}}",
            Reply(200, (("x-a", "5"), ("content-type", "text/plain; charset=utf-8")), b"h\xc3\xa9"),
        ),
        ("reply: {json: {}, headers: {Content-Type: a/b}}", Reply(200, (("content-type", "a/b"),), b"{}")),
        ("reply: {body_base64: AP8=}", Reply(200, (("content-type", "application/octet-stream"),), b"\x00\xff")),
    ],
)
def test_replies(text: str, reply: Reply) -> None:
    assert load(f"version: 1\nrules:\n  - name: a\n    match: {{}}\n    {text}\n").rules[0].reply == reply


def test_replies_to_mail_and_to_queries() -> None:
    rules = load(
        "version: 1\nrules:\n"
        "  - {name: mail, match: {protocol: smtp}, reply: {status: 554, text: 5.7.1 no}}\n"
        "  - {name: mail-ok, match: {protocol: dns}, reply: {}}\n"
    ).rules
    assert rules[0].reply == Reply(554, (), b"5.7.1 no")
    assert rules[1].reply == Reply(0)


def test_modifiers() -> None:
    rule = load(
        "version: 1\nrules:\n  - name: a\n    match: {}\n    stub: s\n    limit: {calls: 50, per: 2h}\n"
        "    fault: {kind: status, rate: 0.25}\n    delay: {min: 50ms, max: 1s}\n"
    ).rules[0]
    assert (rule.limits, rule.fault, rule.delay) == (
        (Limit(50, 7_200_000),),
        RuleFault("status", 503, 0.25),
        Delay(50, 1000),
    )
    fixed = load("version: 1\nrules: [{name: a, match: {}, stub: s, delay: 3m, fault: {kind: reset}}]").rules[0]
    assert (fixed.delay, fixed.fault) == (Delay(180_000, 180_000), RuleFault("reset"))


def test_stubs_are_only_checked_against_names_that_are_known() -> None:
    text = "version: 1\nrules: [{name: a, match: {}, stub: strip}]"
    assert load(text).rules[0].stub == "strip"
    assert load(text, stubs=["strip"]).rules[0].action is Action.STUB
    with pytest.raises(InputError) as caught:
        load(text, stubs=["stripe"])
    assert caught.value.faults[0].write == "stub: stripe"


@pytest.mark.parametrize(
    "header",
    ['"a\\r\\nb"', '"a\\0b"', "[1]"],
)
def test_a_header_cant_break_its_line(header: str) -> None:
    with pytest.raises(InputError):
        load(f"version: 1\nrules: [{{name: a, match: {{}}, reply: {{headers: {{x-a: {header}}}}}}}]")


@pytest.mark.parametrize("reply", ['{text: "a\\r\\nb"}', "{text: ä}", "{json: {}}", "{headers: {a: b}}"])
def test_a_reply_to_mail_is_one_line_of_ascii(reply: str) -> None:
    with pytest.raises(InputError):
        load(f"version: 1\nrules: [{{name: a, match: {{protocol: smtp}}, reply: {reply}}}]")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "5",
        "version: 1\ndefault: allow",
        "version: 1\nrules: {}",
        "version: '1'",
        "rules: []",
        "version: 1\nrules: [5]",
        "version: 1\nrules: [{}]",
        "a: *b",
        "\x00",
        "{" * 3000,
    ],
)
def test_no_text_gets_past_the_structure(text: str) -> None:
    with pytest.raises(InputError) as caught:
        load(text)
    assert all(fault.line and fault.column and fault.expected for fault in caught.value.faults)


def test_the_garbage_collector_runs_again_afterwards() -> None:
    load("version: 1")
    assert gc.isenabled()
    with pytest.raises(InputError):
        load("version: 2")
    assert gc.isenabled()


def test_ten_thousand_rules_load_and_decide() -> None:
    """Quadratic work anywhere would run into the test's timeout."""
    hosts = "".join(
        f"  - {{name: h{n}, match: {{host: h{n}.example, method: POST, path: /v1/x}}, deny: {{}}}}\n"
        for n in range(5000)
    )
    paths = "".join(
        f"  - {{name: p{n}, match: {{host: one.example, path: /v1/*/x{n}}}, deny: {{}}}}\n" for n in range(2500)
    )
    ports = "".join(f"  - {{name: t{n}, match: {{protocol: tcp, port: {n + 1}}}, deny: {{}}}}\n" for n in range(2500))
    assert len(load(f"version: 1\nrules:\n{hosts}{paths}{ports}")) == 10_000


@pytest.mark.parametrize("protocol", ["sotp", "[http, sotp]", "''", '"smtp\\n"', "7"])
def test_a_mistyped_protocol_is_a_fault_in_its_place(protocol: str) -> None:
    with pytest.raises(InputError) as caught:
        load(f"version: 1\nrules:\n  - {{name: mail, match: {{protocol: {protocol}}}, stub: email}}\n")
    assert all(fault.line == 3 for fault in caught.value.faults)
    assert any("protocol" in fault.found for fault in caught.value.faults)


def test_a_file_included_among_the_rules_comes_where_it_stands(tmp_path: Path) -> None:
    """So a rule of one's own can be above the rules that ship."""
    rule_file(tmp_path, "shipped/default.yaml", "theirs", include="deeper.yaml")
    rule_file(tmp_path, "shipped/deeper.yaml", "deeper")
    rule_file(tmp_path, "first.yaml", "first")
    main = rule_file(tmp_path, "main.yaml", "mine", include="first.yaml")
    with main.open("a") as text:
        text.write("  - include: default.yaml\n  - {name: last, match: {}, deny: {}}\n")
    rules = load_ruleset([main], include_roots=[tmp_path / "shipped"])
    assert [rule.name for rule in rules.rules] == ["first", "mine", "deeper", "theirs", "last"]
    assert {file.name for file in rules.files} == {"first.yaml", "main.yaml", "default.yaml", "deeper.yaml"}


@pytest.mark.parametrize(
    ("entry", "found", "expected"),
    [
        (
            "{include: nowhere.yaml}",
            "no rule file 'nowhere.yaml'",
            "among the rules that ship: presets/x.yaml, top.yaml",
        ),
        ("{include: [top.yaml]}", "rules.0.include: a list", "the path of a rule file"),
        ("{include: top.yaml, name: a}", "rules.0: unknown key 'name'", "one of include"),
    ],
)
def test_an_include_among_the_rules_that_cannot_be_is_refused(
    tmp_path: Path, entry: str, found: str, expected: str
) -> None:
    """With its place, and with the files that there are."""
    root = tmp_path / "shipped"
    rule_file(root, "top.yaml", "top")
    rule_file(root, "presets/x.yaml", "x")
    rule_file(root, "cases/top.yaml", "no-rules-but-cases")
    source = Source("rules.yaml", f"version: 1\nrules:\n  - {entry}\n", tmp_path)
    with pytest.raises(InputError) as caught:
        load_ruleset([source], include_roots=[root])
    [fault] = caught.value.faults
    assert (fault.line, fault.found) == (3, found)
    assert expected in fault.expected


def test_a_rule_in_the_way_of_one_below_is_told_with_how_to_change_their_order(tmp_path: Path) -> None:
    """What an included file brings can be told to come later."""
    rule_file(tmp_path, "all.yaml", "api")
    source = Source(
        "rules.yaml",
        "version: 1\ninclude: all.yaml\nrules: [{name: mine, match: {host: api.example, path: /x}, deny: {}}]\n",
        tmp_path,
    )
    with pytest.raises(InputError, match=r"below 'mine' \(- include: all\.yaml\), comes after it"):
        load_ruleset([source])


def test_a_rule_may_take_all_the_calls_of_one_that_an_include_below_it_brings(tmp_path: Path) -> None:
    """What ships is overridden without a copy of it; within one's own rules it stays a mistake."""
    rule_file(tmp_path, "default.yaml", "mail", "other")
    mine = "  - {name: mine, match: {host: mail.example}, deny: {}}\n"
    source = Source("rules.yaml", f"version: 1\nrules:\n{mine}  - include: default.yaml\n", tmp_path)
    assert [rule.name for rule in load_ruleset([source]).rules] == ["mine", "mail", "other"]
    again = Source("rules.yaml", f"{source.text}{mine.replace('mine', 'again')}", tmp_path)
    with pytest.raises(InputError, match="'again', which can never match: 'mine'"):
        load_ruleset([again])
