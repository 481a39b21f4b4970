"""`childproof log`: for people, pipes and programs."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from childproof.ledger import LINE_KEYS, trace_of
from childproof.model import Change, Effect, Upstream
from tests.unit.cli.book import Book


class TestLog:
    def test_in_a_pipe_it_is_one_line_a_call_with_everything_that_matters(self, book, run):
        book.call()
        book.deny()
        code, out, _ = run("log")
        assert code == 0
        assert [re.split(r"  +", line.strip()) for line in out.splitlines()] == [
            [
                "1",
                "2026-01-05T12:00:00.001Z",
                "stub",
                "200",
                "1.9 ms",
                "POST https://api.stripe.com/v1/things/1",
                "stripe: POST /v1/things (modelled)",
            ],
            [
                "2",
                "2026-01-05T12:00:00.002Z",
                "deny",
                "-",
                "1.9 ms",
                "TCP 203.0.113.7:4444",
                "no rule matches (default: deny)",
            ],
        ]

    def test_json_lines_have_the_documented_keys(self, book, run):
        book.call()
        book.deny()
        code, out, _ = run("log", "--json")
        lines = [json.loads(line) for line in out.splitlines()]
        assert code == 0
        assert [line["verdict"] for line in lines] == ["stub", "deny"]
        assert all(list(line) == list(LINE_KEYS) for line in lines)

    def test_filters(self, book, run):
        for _ in range(3):
            book.call()
        book.deny()
        found = {}
        for options in (
            ["--limit", "2"],
            ["--verdict", "deny"],
            ["--service", "stripe"],
            ["--service", "203.0.113.7"],
            ["--limit", "0"],
        ):
            _, out, _ = run("log", "--json", *options)
            found[" ".join(options)] = [json.loads(line)["seq"] for line in out.splitlines()]
        assert found == {
            "--limit 2": [3, 4],
            "--verdict deny": [4],
            "--service stripe": [1, 2, 3],
            "--service 203.0.113.7": [4],
            "--limit 0": [1, 2, 3, 4],
        }

    def test_filters_on_what_a_call_was_about(self, book, run):
        book.call(path="/v1/customers", changes=(Change("stripe", "customer", "cus_1", None, {"id": "cus_1"}),))
        book.call(path="/v1/customers/cus_1?expand[]=x", fidelity="generic")
        book.call(path="/v1/customers/cus_1/sources/card_1", effects=(Effect("stripe", "x.created", "card_1", {}),))
        book.deny()

        def found(*options: str) -> list[int]:
            return [json.loads(line)["seq"] for line in run("log", "--json", *options)[1].splitlines()]

        assert found("--fidelity", "generic") == [2]
        assert found("--fidelity", "gap") == []
        assert found("--protocol", "http") == [1, 2, 3]
        assert found("--protocol", "dns", "--protocol", "tcp") == [4]
        assert found("--path", "/v1/customers") == [1]
        assert found("--path", "/v1/customers/*") == [2]
        assert found("--path", "/v1/customers/**") == [2, 3]
        assert found("--path", "/v1/customer?") == [1]
        assert found("--entity", "cus_1") == [1]
        assert found("--entity", "card_1") == [3]
        assert found("--entity", "cus_") == []
        assert found("--since", "2026-01-05T12:00:00.003Z") == [3, 4]
        assert found("--since", "1s") == []
        assert found("--path", "/v1/customers/**", "--service", "stripe", "--limit", "1") == [3]

    def test_an_archive_is_written_with_a_word_on_what_it_cannot_hold(self, book, run, tmp_path):
        book.call()
        book.deny()
        code, out, err = run("log", "--har", "calls.har")
        assert (code, out) == (0, "")
        assert err == "childproof: 1 calls that are no HTTP are left out of the archive\n"
        assert len(json.loads(Path("calls.har").read_text())["log"]["entries"]) == 1
        assert json.loads(run("log", "--har", "-", "--verdict", "deny")[1])["log"]["entries"] == []

    def test_metrics_take_the_filters_of_a_log(self, book, run):
        book.call()
        book.deny()
        code, out, _ = run("log", "--metrics", "--verdict", "deny")
        assert code == 0
        assert re.findall(r"^childproof_calls_total\{(.*)\} (.*)$", out, re.MULTILINE) == [
            ('world="main",protocol="tcp",verdict="deny",stub="",fidelity=""', "1")
        ]

    @pytest.mark.parametrize(
        "options", [["--json", "--metrics"], ["--har", "x", "--json"], ["--metrics", "-f"], ["--har", "x", "--follow"]]
    )
    def test_one_form_at_a_time(self, book, run, options):
        code, _, err = run("log", *options)
        assert code == 2
        assert "don't go together" in err
        assert not Path("x").exists()

    def test_a_time_that_is_none_is_refused_with_how_to_write_it(self, book, run):
        code, _, err = run("log", "--since", "yesterday")
        assert code == 2
        assert "write for example 2026-01-05T09:00:00Z, or 10m" in err

    def test_one_world_with_what_it_inherited_or_all_with_their_names(self, book, run):
        book.call()
        book.store.fork("main", "try")
        book.call()
        book.call("try")
        assert [json.loads(line)["world"] for line in run("log", "--json", "--world", "try")[1].splitlines()] == [
            "main",
            "try",
        ]
        assert [line.split()[0] for line in run("log")[1].splitlines()] == ["main", "main", "try"]

    def test_an_unknown_world_is_refused_with_those_there_are(self, book, run):
        code, out, err = run("log", "--world", "mian")
        assert (code, out) == (1, "")
        assert "no world 'mian'; it has: main" in err

    def test_a_missing_database_is_named_with_what_to_do(self, book, run):
        code, _, err = run("log", "--db", "other.db")
        assert code == 4
        assert "other.db: there is no such file" in err
        assert "--db" in err
        assert not Path("other.db").exists()

    def test_a_file_that_is_no_database_is_named(self, book, run):
        Path("rules.yaml").write_text("rules: []\n" * 100)
        code, _, err = run("log", "--db", "rules.yaml")
        assert code == 4
        assert "rules.yaml is not a childproof database" in err

    def test_the_configured_database_is_read(self, book, run, monkeypatch, tmp_path):
        book.call()
        monkeypatch.setenv("CHILDPROOF_STORE", str(book.path))
        monkeypatch.chdir(tmp_path.parent)
        assert len(run("log")[1].splitlines()) == 1

    def test_a_sandbox_cannot_draw_on_the_terminal(self, book, run):
        book.call(target="GET https://x/\x1b[2J\x1b]0;owned\x07\u202e\r\n fake line", verdict="deny", reason="\x9b31m")
        _, out, _ = run("log")
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out)
        assert r"\x1b[2J" in out
        assert len(out.splitlines()) == 1

    def test_an_allowed_call_under_way_shows_no_status_yet(self, book, run):
        made = book.call(verdict="allow", status=None)
        assert "  …  " in run("log")[1]
        book.ledger.settle(made.id, upstream=Upstream(1, 1, 10, 20), status=204, reply=None, duration_us=5)
        assert "  204  " in run("log")[1]


def childproof(book: Book, *args: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(  # type: ignore[call-overload]
        [sys.executable, "-m", "childproof", *args],
        cwd=book.path.parent,
        text=True,
        # A shell without job control starts what runs in the background deaf to Ctrl-C, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        **options,
    )


def test_following_prints_calls_as_they_are_made_and_ends_quietly_when_interrupted(book):
    book.call()
    with childproof(book, "log", "--json", "--follow", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            assert json.loads(child.stdout.readline())["seq"] == 1
            made = book.call(verdict="allow", status=None)
            first = json.loads(child.stdout.readline())
            book.ledger.settle(made.id, upstream=Upstream(1, 1, 10, 20), status=204, reply=None, duration_us=5)
            second = json.loads(child.stdout.readline())
            assert [(line["id"], line["settled"], line["status"]) for line in (first, second)] == [
                (made.id, False, None),
                (made.id, True, 204),
            ]
            child.send_signal(2)
            assert child.wait(10) == 130
            assert child.stderr.read() == ""
        finally:
            child.kill()


def test_a_reader_that_stops_early_is_no_error(book):
    for _ in range(3000):
        book.call()
    with childproof(book, "log", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.readline()
        child.stdout.close()
        assert "Traceback" not in child.stderr.read()


@pytest.mark.parametrize("columns", [60, 100, 200])
def test_on_a_terminal_it_is_a_table_as_wide_as_the_terminal_and_no_wider(book, columns):
    for _ in range(120):
        book.look_up()
        book.call()
    book.deny()
    main_end, child_end = pty.openpty()
    environ = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", "LINES": "50"}
    environ.pop("NO_COLOR", None)
    with childproof(book, "log", stdout=child_end, stderr=child_end, env=environ) as child:
        os.close(child_end)
        text = b""
        while True:
            try:
                piece = os.read(main_end, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
        child.wait(20)
    os.close(main_end)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text.decode()).splitlines()
    assert "\x1b[" in text.decode()
    assert "verdict" in lines[0]
    assert len(lines) == 102  # the newest hundred that are no look-ups, the head, and what is left out
    assert all(len(line.rstrip()) <= columns for line in lines)
    assert "deny" in lines[-2]
    assert "TCP 203.0.113.7" in lines[-2]
    assert lines[-1].rstrip() == "98 name look-ups left out; --protocol dns lists them"
    assert "POST api.stripe.com/" in lines[1]


def test_a_trace_is_found_by_its_id_and_by_any_of_its_calls(book, run):
    paid = book.call()
    book.call()
    trace = trace_of(paid.id)
    mail = book.call(cause=paid.id, trace=trace)
    for named in (trace, paid.id, mail.id, "3"):
        code, out, _ = run("log", "--json", "--trace", named)
        assert (code, [json.loads(line)["seq"] for line in out.splitlines()]) == (0, [1, 3])
    code, _, err = run("log", "--trace", "call_nowhere")
    assert code == 1
    assert "has no call 'call_nowhere'" in err


def test_one_form_at_a_time_and_a_collector_needs_a_url(book, run):
    book.call()
    code, _, err = run("log", "--otlp", "http://127.0.0.1:4318", "--json")
    assert code == 2
    assert "--json and --otlp don't go together" in err
    code, _, err = run("log", "--otlp", "localhost:4318")
    assert code == 2
    assert "write: http://127.0.0.1:4318" in err
