"""`childproof rules` as people type it."""

import json
from pathlib import Path

import pytest

from childproof.cli.main import main

DEFAULT = str(Path(__file__).resolve().parents[3] / "rules" / "default.yaml")


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Names:
        def names(self) -> list[str]:
            return ["email", "github", "mailgun", "postmark", "resend", "sendgrid", "ses", "slack", "stripe"]

    monkeypatch.setattr("childproof.cli.rules.load_catalog", lambda _: Names())


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(["rules", *arguments])
    out, err = capsys.readouterr()
    code = caught.value.code
    return (code if isinstance(code, int) else 0), out, err


def write(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text)
    return str(file)


def test_check_counts_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    number = Path(DEFAULT).read_text().count("\n  - name: ")
    assert run(capsys, "check", DEFAULT) == (0, f"ok: {number} rules in {DEFAULT}\n", "")


def test_check_prints_every_fault_and_exits_with_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = write(tmp_path, "r.yaml", "version: 1\nrules:\n  - {name: a, match: {hots: x}, stub: strip}\n")
    code, out, err = run(capsys, "check", file, str(tmp_path / "none.yaml"))
    assert (code, out) == (2, "")
    assert f"{file}:3:23: rules.0.match: unknown key 'hots'" in err
    assert "write: host:" in err
    assert "write: stub: stripe" in err
    assert "none.yaml: can't be read: No such file or directory" in err
    assert err.endswith("childproof: 3 faults\n")


def test_explain_tells_verdict_rule_reason_and_what_differed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", DEFAULT, "POST", "https://api.stripe.com/v1/charges", "SMTP", "mx.example:25")
    assert code == 0
    assert out.splitlines()[:4] == [
        "POST https://api.stripe.com/v1/charges",
        "  verdict  stub stripe",
        "  rule     stripe",
        "  reason   rule stripe: answered by the stub stripe",
    ]
    assert "SMTP mx.example:25\n  verdict  stub email" in out
    _, out, _ = run(capsys, "explain", "GET https://api.stripe.co/")
    assert (
        "  nearest  stripe\n           host is api.stripe.co, the rule wants api.stripe.com or billing.stripe.com or"
        in out
    )


def test_explain_prints_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(
        capsys, "explain", "--json", DEFAULT, "https://x.example", "DNS", "TXT", "x.example", "DNS", "y.example"
    )
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["call"] for line in lines] == ["GET https://x.example/", "DNS TXT x.example", "DNS A y.example"]
    assert [line["verdict"] for line in lines] == ["deny", "reply", "reply"]
    assert lines[0]["nearest"]["differences"][0]["field"] == "host"


def test_explain_takes_headers_bodies_and_envelopes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "r.yaml",
        "version: 1\nrules:\n"
        "  - {name: big, match: {headers: {x-a: '1'}}, when: call.form.amount > 100, deny: {}}\n"
        "  - {name: doc, match: {}, when: call.json.a == 1, deny: {}}\n"
        "  - {name: mail, match: {protocol: smtp, sender: 'a@*', recipients: b@x.example}, deny: {}}\n",
    )
    url = "https://a.example/"
    assert "rule     big" in run(capsys, "explain", file, url, "-H", "X-A: 1", "--form", "amount=101")[1]
    assert "rule     doc" in run(capsys, "explain", file, url, "--json-body", '{"a": 1}')[1]
    smtp = run(capsys, "explain", file, "SMTP mx.example:25", "--sender", "a@y.example", "--recipient", "b@x.example")
    assert "rule     mail" in smtp[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((DEFAULT,), "no call"),
        ((DEFAULT, "GET ftp://a.example/"), "no http or https URL"),
        ((DEFAULT, "GET", "https://a.example/", "-H", "nothing"), "a name and a value"),
        ((DEFAULT, "GET", "https://a.example/", "--form", "a=1", "--body", "x"), "more than one body"),
    ],
)
def test_explain_says_what_is_wrong_with_its_words(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    code, _, err = run(capsys, "explain", *arguments)
    assert code == 2
    assert message in err


def test_test_runs_cases_and_shows_the_failing_ones(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    good = write(
        tmp_path, "good.yaml", "- {case: stubbed, call: GET https://api.stripe.com/, verdict: stub, rule: stripe}\n"
    )
    assert run(capsys, "test", good)[:2] == (0, "ok: 1 case\n")
    assert run(capsys, "test", "-v", good)[1] == "ok  stubbed\nok: 1 case\n"
    bad = write(
        tmp_path, "bad.yaml", "- {case: passes, call: GET https://a.example/, verdict: allow, rule: x, reason: nice}\n"
    )
    code, out, _ = run(capsys, "test", good, bad)
    assert code == 1
    assert f"{bad}:1: passes\n    GET https://a.example/\n    verdict is deny, the case wants allow" in out
    assert "rule is none, the case wants x" in out
    assert out.endswith("1 of 2 cases failed\n")


def test_test_takes_other_rules_and_reports_faults_of_cases(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rules = write(tmp_path, "r.yaml", "version: 1\nrules: [{name: a, match: {host: a.example}, allow: {}}]\n")
    case = write(tmp_path, "c.yaml", "- {case: passes, call: GET https://a.example/, verdict: allow}\n")
    assert run(capsys, "test", "--rules", rules, case)[0] == 0
    broken = write(
        tmp_path,
        "b.yaml",
        "- {case: x, call: nothing, verdict: allow}\n- {case: y, call: DNS a, verdict: allow, rules: no.yaml}\n",
    )
    code, _, err = run(capsys, "test", broken)
    assert code == 2
    assert "'nothing' is no call" in err
    assert "no rule file 'no.yaml'" in err
    assert run(capsys, "test", write(tmp_path, "d.yaml", "- {case: x, call: DNS a, verdict: alow}\n"))[0] == 2


def test_without_files_the_cases_below_the_working_directory_run_else_those_that_ship(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = run(capsys, "test")
    assert shipped[0] == 0
    (tmp_path / "rules" / "cases").mkdir(parents=True)
    write(tmp_path / "rules" / "cases", "mine.yaml", "- {case: mine, call: DNS a.example, verdict: reply}\n")
    assert run(capsys, "test")[1] == "ok: 1 case\n"
