"""`childproof world seed`: one command from a file to a world; a refused one leaves nothing, not even a database."""

import json
import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "data"
FILE = """world: shop
seed: 7
clock: {start: 2026-01-05T09:00:00Z, run: frozen}
people: {count: 3, given: [{name: Jenny Rosen, email: jenny@example.com}]}
stripe: {customers: {with: {payment_method: 1}}, payments: {count: 4}}
email: {mailboxes: people, messages: [{to: jenny@example.com, subject: Welcome, text: Hello, ago: 3d}]}
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("STORE", "STUBS", "CONFIG"):
        monkeypatch.delenv(f"CHILDPROOF_{name}", raising=False)
    (tmp_path / "shop.yaml").write_text(FILE)
    return tmp_path


def test_a_line_at_the_end_says_what_was_planted(folder: Path, run: Run) -> None:
    """Per service, on standard error; standard output stays empty, and no bar is drawn where nobody looks."""
    code, out, err = run("world", "seed", "shop.yaml", "--set", "size=small")
    assert (code, out) == (0, "")
    [line] = err.splitlines()
    assert line.startswith("shop: made, with 3 people; email: 1 delivery, 3 mailboxes, 1 message, 1 source; stripe: ")
    assert "3 customers" in line
    assert "4 payment_intents" in line
    _, out, _ = run("world", "show", "shop", "--json")
    shown = json.loads(out)
    assert shown["metadata"] == {"size": "small"}
    assert {"service": "stripe", "kind": "customer", "count": 3} in shown["entities"]
    assert shown["calls"] == 0


def test_a_world_that_exists_is_refused_with_the_ways_out(folder: Path, run: Run) -> None:
    """--as another name, or delete it first."""
    run("world", "seed", "shop.yaml")
    code, _, err = run("world", "seed", "shop.yaml")
    assert code == 1
    assert "has a world 'shop' already" in err
    assert "--as NAME" in err
    assert "childproof world delete shop" in err
    assert run("world", "seed", "shop.yaml", "--as", "shop/again")[0] == 0


def test_on_a_terminal_a_bar_shows_how_far_it_is(folder: Path) -> None:
    """Drawn on standard error while it takes its time, and gone when the line at the end says what was planted."""
    shown = bytearray()

    def read(fd: int) -> bytes:
        shown.extend(data := os.read(fd, 65_536))
        return data

    with Path(os.devnull).open("wb") as nowhere:  # what pty copies to its own output
        kept = os.dup(1)
        os.dup2(nowhere.fileno(), 1)
        try:
            status = pty.spawn([sys.executable, "-m", "childproof", "world", "seed", "shop.yaml"], read)
        finally:
            os.dup2(kept, 1)
            os.close(kept)
    assert os.waitstatus_to_exitcode(status) == 0
    text = shown.decode()
    assert "planting" in text
    assert text.rpartition("\x1b[2K")[2].startswith("shop: made, with 3 people; ")


def test_check_says_what_it_would_hold_and_keeps_nothing(folder: Path, run: Run) -> None:
    """Planted aside, all checks made, no database."""
    code, _, err = run("world", "seed", "shop.yaml", "--check")
    assert code == 0
    assert err.startswith("shop: would hold 3 people; ")
    assert not (folder / "childproof.db").exists()


def test_faults_are_told_and_leave_nothing(folder: Path, run: Run) -> None:
    """Exit 2, every fault with its line."""
    (folder / "shop.yaml").write_text("world: shop\nstrpe: {}\nemail: {mailboxes: persons}\n")
    code, _, err = run("world", "seed", "shop.yaml")
    assert code == 2
    assert "shop.yaml:2:1: unknown key 'strpe'" in err
    assert "shop.yaml:3:9: email.mailboxes: 'persons'; expected people or a list" in err
    assert "childproof: 2 faults" in err
    assert not (folder / "childproof.db").exists()


def test_a_name_that_is_none_is_refused(folder: Path, run: Run) -> None:
    """Before anything is planted, and with what may be written instead."""
    code, _, err = run("world", "seed", "shop.yaml", "--as", "my shop//", "--check")
    assert code == 2
    assert "--as: 'my shop//' is no name for a world" in err
    assert "write: my-shop\n" in err


def test_stubs_of_ones_own_have_sections(folder: Path, run: Run) -> None:
    """--stubs brings them; without it they are unknown."""
    (folder / "crm.yaml").write_text("world: crm\nacme-crm: {companies: 2}\n")
    assert run("world", "seed", "crm.yaml")[0] == 2
    code, _, err = run("world", "seed", "crm.yaml", "--stubs", str(DATA / "stubs"))
    assert code == 0
    assert "2 companies" in err or "companies" in err


def test_mailboxes_are_listed_empty_ones_too(folder: Path, run: Run) -> None:
    """Jenny has mail; the others have a mailbox."""
    run("world", "seed", "shop.yaml")
    _, out, _ = run("mail", "boxes")
    lines = [line.split("\t") for line in out.splitlines()]
    assert lines[0] == ["1", "jenny@example.com", "Jenny Rosen"]
    assert [line[0] for line in lines] == ["1", "0", "0"]
    _, out, _ = run("mail", "--world", "shop", "boxes", "--json")
    assert json.loads(out.splitlines()[0]) == {
        "world": "shop", "address": "jenny@example.com", "name": "Jenny Rosen", "messages": 1,
    }  # fmt: skip
    _, out, _ = run("mail", "--to", "jenny@example.com")
    assert "2026-01-02T09:00:00" in out


def test_the_schema_of_worlds_has_a_section_for_each_stub(folder: Path, run: Run) -> None:
    """What editors complete is what the stubs take."""
    _, out, _ = run("schema", "world")
    known = json.loads(out)["properties"]
    assert {"world", "seed", "clock", "people", "stripe", "email"} <= known.keys()
    assert "payments" in known["stripe"]["properties"]
    _, out, _ = run("schema", "world-export")
    assert "calls" in json.loads(out)["properties"]
