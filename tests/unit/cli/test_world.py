"""`childproof world`: what a person and a program see of worlds, and that a mistake changes nothing."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from childproof.cli.main import cli
from childproof.errors import InputError
from childproof.world import OUTBOX, ClockSettings, Store

NOON = 1_767_614_400_000


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHILDPROOF_STORE", raising=False)
    with Store.open(tmp_path / "childproof.db", wall=lambda: NOON) as store:
        store.create("shop", seed=7, clock=ClockSettings(start=NOON, run="step"))
        for number in range(3):
            with store.world("shop").transaction() as tx:
                tx.put("stripe", "customer", f"cus_{number}", {"id": f"cus_{number}", "balance": number})
    return tmp_path / "childproof.db"


def world(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["world", *args])
    if not code:
        assert result.exit_code == 0, (result.output, repr(result.exception))
    else:
        assert result.exit_code != 0
    return result


def listed() -> list[dict[str, object]]:
    return [json.loads(line) for line in world("list", "--json").stdout.splitlines()]


def test_a_fork_stands_below_its_parent_with_its_metadata(db: Path) -> None:
    world("fork", "shop", "shop/try-1", "--set", "agent=one", "--set", "note=a=b")
    first, second = listed()
    assert first["name"] == "shop"
    assert (second["name"], second["parent"], second["base"], second["calls"]) == ("shop/try-1", "shop", 3, 3)
    assert second["metadata"] == {"agent": "one", "note": "a=b"}
    world("set", "shop/try-1", "agent=two", "note=")
    assert listed()[1]["metadata"] == {"agent": "two"}


@pytest.mark.parametrize(
    ("at", "base"), [("0", 0), ("2", 2), ("2026-01-05T12:00:01Z", 2), ("2026-01-05 12:00:01.500", 2), ("2027-01-01", 3)]
)
def test_a_fork_leaves_at_a_call_or_a_time(db: Path, at: str, base: int) -> None:
    world("fork", "shop", "past", "--at", at)
    assert listed()[0]["base"] == base


@pytest.mark.parametrize(
    ("at", "words"),
    [("9", "no call 9"), ("call_1", "no such call"), ("soon", "no such call"), ("2020-01-01", "had made no call")],
)
def test_a_fork_from_nowhere_says_so_and_makes_nothing(db: Path, at: str, words: str) -> None:
    assert words in str(world("fork", "shop", "past", "--at", at, code=1).exception)
    assert [one["name"] for one in listed()] == ["shop"]


def test_a_pipe_gets_columns_and_a_terminal_a_tree(db: Path) -> None:
    world("fork", "shop", "a-try", "--set", "agent=one")
    world("fork", "shop", "b-try", "--at", "1")
    lines = [line.split("\t") for line in world("list").stdout.splitlines()]
    assert [(line[0], line[1], line[2]) for line in lines] == [
        ("a-try", "shop@3", "3"),
        ("b-try", "shop@1", "1"),
        ("shop", "-", "3"),
    ]
    assert [line[4] for line in lines] == ["agent=one", "", ""]
    outside, inside = pty.openpty()
    command = [sys.executable, "-m", "childproof", "world", "list"]
    subprocess.run(
        command, cwd=db.parent, stdout=inside, check=True, env={**os.environ, "TERM": "dumb", "NO_COLOR": "1"}
    )
    os.close(inside)
    drawn = os.read(outside, 4096).decode().splitlines()
    assert drawn[0].startswith("shop  3 calls")
    assert drawn[1].startswith("├── a-try  0 calls since call 3  agent=one")
    assert drawn[2].startswith("└── b-try  0 calls since call 1")


def test_show_says_what_a_world_holds(db: Path) -> None:
    world("fork", "shop", "shop/try-1")
    text = world("show", "shop").stdout
    for words in ("3 customer", "steps 1000 ms with each call", "children   shop/try-1", "seed       7"):
        assert words in text
    shown = json.loads(world("show", "shop/try-1", "--json").stdout)
    assert shown["entities"] == [{"service": "stripe", "kind": "customer", "count": 3}]
    assert (shown["parent"], shown["base"], shown["children"], shown["scheduled"]) == ("shop", 3, [], 0)


def test_reset_and_delete(db: Path) -> None:
    world("fork", "shop", "try", "--at", "1")
    assert "2 calls undone" not in world("reset", "try").stderr
    world("fork", "shop", "back")
    assert "has no call 9" in str(world("reset", "back", "--at", "9", code=1).exception)
    assert "at most, where it began" in str(world("reset", "back", "--at", "1", code=1).exception)
    world("delete", "back")
    assert "would lose their past: try" in str(world("delete", "shop", code=1).exception)
    assert "back at call 2; 1 call undone" in world("reset", "shop", "--at", "2").stderr
    assert "back at its beginning; 2 calls undone" in world("reset", "shop").stderr
    world("delete", "shop")
    assert [one["name"] for one in listed()] == ["try"]
    assert json.loads(world("show", "try", "--json").stdout)["entities"][0]["count"] == 1


def test_log_is_that_of_the_world(db: Path) -> None:
    assert "no calls" not in world("log", "shop", "--json").output
    assert "has no world 'nowhere'" in str(world("log", "nowhere", code=1).exception)


def test_create_makes_the_file_and_nothing_else_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "there is no such file" in str(world("delete", "a", "--db", "x.db", code=1).exception)
    assert list(tmp_path.iterdir()) == []
    world("create", "a/b", "--db", "x.db", "--seed", "3")
    assert (tmp_path / "x.db").exists()


def test_metadata_needs_a_key(db: Path) -> None:
    assert "write --set key=value" in world("fork", "shop", "x", "--set", "agent", code=2).output
    assert "write key=value" in world("set", "shop", "agent", code=2).output


def test_the_help_keeps_its_examples_as_they_were_written() -> None:
    assert "\n    childproof world fork checkout checkout/try-1\n" in world("--help").stdout


def test_an_exported_world_is_imported_from_a_file_and_from_a_pipe(db: Path) -> None:
    world("fork", "shop", "try", "--at", "2")
    file = db.with_name("shop.yaml")
    file.write_text(world("export", "shop").stdout)
    changes = world("export", "try", "--since-parent").stdout
    assert "at call 3" in world("import", str(file), "--as", "again", "--set", "from=file").stderr
    piped = CliRunner().invoke(cli, ["world", "import", "-", "--as", "piped"], input=changes)
    assert piped.exit_code == 0, piped.output
    assert {one["name"]: one["metadata"] for one in listed()}["again"] == {"from": "file"}
    texts = {name: world("export", name).stdout.partition("seed:")[2] for name in ("shop", "again", "try", "piped")}
    assert texts["again"].replace("metadata:\n  from: file\n", "") == texts["shop"]
    assert texts["piped"] == texts["try"]
    assert "already" in str(world("import", str(file), code=1).exception)


def test_a_file_that_is_no_world_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.yaml").write_text("version: 1\nwrld: shop\n")
    Path("b.yaml").write_bytes(b"\xff\xfe")
    for file, words in (("w.yaml", "w.yaml:2:1: unknown key 'wrld'"), ("b.yaml", "not UTF-8"), ("c", "can't be read")):
        assert words in str(world("import", file, code=1).exception)
    assert not Path("childproof.db").exists()


def test_a_clock_is_shown_set_and_advanced(db: Path) -> None:
    assert world("clock", "shop").stdout == "steps 1000 ms with each call, from 2026-01-05T12:00:00.000Z\n"
    world("clock", "shop", "frozen@2026-01-06T00:00:00Z")
    assert "it is 2026-02-05T12:00:00.000Z; 0 jobs done" in world("clock", "shop", "advance", "30d12h").stderr
    assert json.loads(world("clock", "shop", "--json").stdout) == {
        "run": "frozen",
        "start": "2026-02-05T12:00:00.000Z",
        "step": 1000,
    }
    world("clock", "shop", "offset", "-2h")
    assert world("clock", "shop").stdout.startswith("runs with real time, from ")
    world("clock", "shop", "real")
    assert world("clock", "shop").stdout == "runs with real time\n"
    methods = [json.loads(line)["method"] for line in world("log", "shop", "--json").stdout.splitlines()]
    assert methods == ["SET", "ADVANCE", "SET", "SET"]


def test_a_job_whose_stub_is_gone_is_told_of(db: Path) -> None:
    with Store.open(db, wall=lambda: NOON) as store, store.world("shop").transaction() as tx:
        tx.schedule(tx.now() + 1000, "gone", "remind", {})
    assert "1 job done, 1 of them failed" in world("clock", "shop", "advance", "1d").stderr
    assert '"error":"' in world("log", "shop", "--json").stdout


def test_mail_that_is_due_goes_where_the_rules_say(db: Path) -> None:
    """By the rules that are configured or named, and never out of the machine."""
    mail = {"from": "no-reply@shop.example", "to": ["jenny@home.example"], "message": "Subject: Hi\r\n\r\nHello\r\n"}

    def advanced(*options: str) -> dict[str, object]:
        with Store.open(db, wall=lambda: NOON) as store, store.world("shop").transaction() as tx:
            tx.schedule(tx.now() + 1000, OUTBOX, "mail", mail)
        assert "1 job done" in world("clock", "shop", "advance", "1d", *options).stderr
        entries = [json.loads(line) for line in world("log", "shop", "--json").stdout.splitlines()]
        return {key: entries[-2][key] for key in ("protocol", "target", "verdict", "stub")}

    sent = {"protocol": "smtp", "target": "SMTP home.example:25", "verdict": "stub", "stub": "email"}
    assert advanced() == sent
    Path("none.yaml").write_text("version: 1\nrules: []\n")
    assert advanced("--rules", "none.yaml") == {**sent, "verdict": "deny", "stub": None}
    Path("broken.yaml").write_text("version: 1\nrules: [{}]\n")
    assert isinstance(world("clock", "shop", "advance", "1d", "--rules", "broken.yaml", code=1).exception, InputError)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["soon"], "is no clock"),
        (["advance"], "takes a duration"),
        (["advance", "-1d"], "no duration"),
        (["advance", "99999999999w"], "longer than any clock"),
        (["frozen", "1d"], "takes no duration"),
        (["adv", "1d"], "adv takes no duration; write advance 1d or offset 1d"),
    ],
)
def test_what_is_no_clock_is_refused(db: Path, words: list[str], message: str) -> None:
    assert message in world("clock", "shop", *words, code=2).output
    assert "steps" in world("clock", "shop").stdout


def test_gc_says_what_it_found_and_did(db: Path) -> None:
    assert world("gc", "--check").stdout == "childproof.db: sound, 1 world\n"
    lines = world("gc").stdout.splitlines()
    assert lines[0] == "childproof.db: sound, 1 world"
    assert "given back" in lines[1]
    with Store.open(db, wall=lambda: NOON) as store:
        store.connection.execute("UPDATE world SET parent = 9")
    broken = world("gc", code=1)
    assert "world shop has lost its parent" in broken.stdout
