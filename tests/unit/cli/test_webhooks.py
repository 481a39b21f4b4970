"""`childproof webhooks`: what is listed, for people and programs, and what sending again does."""

import json
from pathlib import Path

import pytest

from childproof.cli.main import main
from childproof.ledger import Ledger
from childproof.world import ClockSettings, Store, deliveries
from childproof.world.deliveries import keep

START = 1_767_603_600_000


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A world with a webhook that waits and one that was refused, whose URL draws on terminals."""
    path = str(tmp_path / "box.db")
    with Store.open(path, wall=lambda: START) as store:
        world = store.create("shop", clock=ClockSettings(START, "frozen"))
        with world.transaction() as tx:
            tx.call_id = "call_1"
            deliveries.queue(
                tx, "crm", "http://localhost:1/hook", "deal.won", "{}", event="evt_1", subscription="hook_1"
            )
            refused = deliveries.queue(tx, "crm", "https://x.example/\x1b[2J", "deal.lost", "{}")
            last = {"at": START, "status": None, "reason": "no rule matches", "call": "call_2"}
            keep(tx, deliveries.Delivery(**{**_fields(refused), "state": "refused", "due": None, "attempts": 1, "last": last}))  # fmt: skip
    return path


def _fields(delivery: deliveries.Delivery) -> dict:
    return {name: getattr(delivery, name) for name in delivery.__slots__}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["webhooks", *arguments])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_the_list_has_state_attempts_last_status_and_next_attempt(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One a line; what a program wrote is spelled out."""
    code, out, _ = run(capsys, "list", "--db", file)
    lines = [line.split("\t") for line in out.splitlines()]
    assert code == 0
    assert lines[0] == [
        "delivery_1",
        "waiting",
        "0",
        "",
        "2026-01-05T09:00:00.000Z",
        "deal.won",
        "http://localhost:1/hook",
    ]
    assert lines[1][:5] == ["delivery_2", "refused", "1", "no rule matches", ""]
    assert "\x1b" not in out


def test_as_json_each_has_all_that_is_known(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And `--state` chooses."""
    _, out, _ = run(capsys, "list", "--db", file, "--state", "waiting", "--json")
    [line] = out.splitlines()
    assert json.loads(line) == {
        "id": "delivery_1", "world": "shop", "service": "crm", "state": "waiting", "type": "deal.won", "event": "evt_1",
        "url": "http://localhost:1/hook", "subscription": "hook_1", "attempts": 0, "status": None, "reason": "",
        "queued": "2026-01-05T09:00:00.000Z", "next": "2026-01-05T09:00:00.000Z", "call": None, "cause": "call_1",
    }  # fmt: skip


def test_redeliver_makes_it_due_with_an_entry_of_its_own(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever became of it; the record says that somebody asked."""
    code, _, err = run(capsys, "redeliver", "--db", file, "--world", "shop", "delivery_2")
    assert (code, err) == (0, "delivery_2: to be sent\n")
    with Store.open(file, wall=lambda: START, readonly=True) as store:
        with store.world("shop").view() as view:
            assert [one.state for one in deliveries.listed(view)] == ["waiting", "waiting"]
        [entry] = Ledger(store.connection, lock=store.lock).entries(world="shop")
        assert (entry.protocol, entry.target) == ("clock", "webhook delivery_2")


def test_an_unknown_one_is_refused_and_nothing_is_done(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even for those that are known."""
    code, _, err = run(capsys, "redeliver", "--db", file, "--world", "shop", "delivery_2", "delivery_9")
    assert code == 1
    assert "delivery_9" in err
    with Store.open(file, wall=lambda: START, readonly=True) as store, store.world("shop").view() as view:
        assert [one.state for one in deliveries.listed(view)] == ["waiting", "refused"]
