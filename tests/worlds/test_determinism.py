"""The same calls in the same order are answered by the same bytes and leave the same record, wherever and however often."""

import json
import os
import pickle
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from childproof.world import worldfile
from tests.worlds import session
from tests.worlds.session import Call, Step

STEPS = 280


@dataclass(frozen=True)
class Recorded:
    """A session: its steps, what was seen of each, its record and what the world held at its end."""

    steps: list[Step]
    told: list[Any]
    ledger: list[dict[str, Any]]
    state: dict[str, Any]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Recorded in memory."""
    with session.opened(tmp_path_factory.mktemp("recorded"), ":memory:") as parts:
        steps, told = session.record(parts, STEPS, seed=9)
        return Recorded(steps, told, session.ledger(parts), parts.store.export("main"))


@pytest.fixture(params=range(2))
def split(request: pytest.FixtureRequest) -> int:
    """A step after which something happens to the world: two, anywhere in the session."""
    return Random(request.param).randrange(1, STEPS - 1)


def test_the_session_is_worth_comparing(recorded: Recorded) -> None:
    """Every kind of call and of answer is in it; faults, limits and later work too."""
    verdicts = Counter(entry["verdict"] for entry in recorded.ledger)
    assert all(verdicts[verdict] for verdict in ("stub", "reply", "allow", "deny"))
    assert {entry["protocol"] for entry in recorded.ledger} == {"http", "smtp", "dns", "tcp", "clock"}
    assert {entry["stub"] for entry in recorded.ledger} == {"stripe", "acme-crm", "parcels", "email", None}
    jobs = [entry for entry in recorded.ledger if entry["method"] == "JOB"]
    assert len(jobs) > 3
    assert any(effect["type"] == "parcel.arrived" for entry in jobs for effect in entry["effects"])
    fidelities = Counter(entry["fidelity"] for entry in recorded.ledger)
    assert fidelities["modelled"] > 50
    assert fidelities["generic"] > 10
    statuses = Counter(entry["status"] for entry in recorded.ledger)
    assert all(statuses[status] for status in (200, 201, 250, 400, 402, 403, 404, 429, 452, 503))
    assert any(step["fault"] == "reset" for step in recorded.told if "fault" in step)
    assert len({step["delay"] for step in recorded.told if "delay" in step}) > 3
    replayed = [step for step in recorded.told if "Idempotent-Replayed" in json.dumps(step.get("reply"))]
    assert len(replayed) > 3
    assert any("used up" in entry["reason"] for entry in recorded.ledger if entry["protocol"] == "smtp")


@pytest.mark.parametrize("store", [":memory:", "childproof.db"])
def test_played_again_it_is_the_same(recorded: Recorded, tmp_path: Path, store: str) -> None:
    place = store if store == ":memory:" else str(tmp_path / store)
    with session.opened(tmp_path, place) as parts:
        assert session.play(parts, recorded.steps) == recorded.told
        assert session.ledger(parts) == recorded.ledger
        assert parts.store.export("main") == recorded.state


def test_a_restart_in_the_middle_changes_nothing(recorded: Recorded, tmp_path: Path, split: int) -> None:
    store = str(tmp_path / "childproof.db")
    with session.opened(tmp_path, store) as parts:
        told = session.play(parts, recorded.steps[:split])
    with session.opened(tmp_path, store, fresh=True) as parts:
        told += session.play(parts, recorded.steps[split:])
        assert told == recorded.told
        assert session.ledger(parts) == recorded.ledger


def test_a_fork_goes_on_as_its_parent_would(recorded: Recorded, tmp_path: Path, split: int) -> None:
    """Also one of a past call, and beside its parent, which goes on too: they take turns."""
    with session.opened(tmp_path, str(tmp_path / "childproof.db")) as parts:
        session.play(parts, recorded.steps[:split])
        at = parts.store.world("main").seq
        parts.store.fork("main", "now")
        mains, nows = [], []
        for step in recorded.steps[split:]:
            mains.append(session.take(parts, step))
            nows.append(session.take(parts, step, "now"))
        parts.store.fork("main", "past", at=at)
        pasts = session.play(parts, recorded.steps[split:], "past")
        expected = session.nameless(recorded.told[split:])
        assert mains == recorded.told[split:]
        assert session.nameless(nows) == expected
        assert session.nameless(pasts) == expected
        record = session.nameless(session.ledger(parts, after=at))
        assert session.nameless(session.ledger(parts, "now", after=at)) == record
        assert session.nameless(session.ledger(parts, "past", after=at)) == record
        assert not parts.store.compare("main", "now").changes
        assert not parts.store.compare("past", "now").changes


def test_a_reset_world_goes_on_as_from_its_fork(recorded: Recorded, tmp_path: Path, split: int) -> None:
    with session.opened(tmp_path, str(tmp_path / "childproof.db")) as parts:
        session.play(parts, recorded.steps[:split])
        parts.store.fork("main", "try")
        first = session.play(parts, recorded.steps[split:], "try")
        parts.store.reset("try", record=parts.ledger)
        assert session.play(parts, recorded.steps[split:], "try") == first
        assert session.nameless(first) == session.nameless(recorded.told[split:])


@pytest.mark.parametrize("since_parent", [False, True])
def test_an_exported_and_imported_world_goes_on_as_the_first_would(
    recorded: Recorded, tmp_path: Path, split: int, *, since_parent: bool
) -> None:
    """Through the text of a world file, into the same file and into another one."""
    with session.opened(tmp_path, str(tmp_path / "childproof.db")) as parts:
        fork = Random(split).randrange(split)
        session.play(parts, recorded.steps[:fork])
        parts.store.fork("main", "try")
        session.play(parts, recorded.steps[fork:split], "try")
        text = "\n".join(worldfile.write(parts.store.export("try", since_parent=since_parent)))
        parts.store.load(worldfile.read(text, "try.yaml"), "again")
        again = session.play(parts, recorded.steps[split:], "again")
        assert session.nameless(again) == session.nameless(recorded.told[split:])
        whole = "\n".join(worldfile.write(parts.store.export("try")))
    with session.opened(tmp_path, str(tmp_path / "other.db"), "elsewhere") as parts:
        parts.store.load(worldfile.read(whole, "try.yaml"), "main")
        # In a world of that name all ids are the same, those of calls too.
        assert session.play(parts, recorded.steps[split:]) == recorded.told[split:]


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_another_process_with_other_hashes_gives_the_same(recorded: Recorded, tmp_path: Path, hash_seed: str) -> None:
    """Python orders sets by hashes that differ from process to process: nothing may follow from that."""
    (tmp_path / "steps").write_bytes(pickle.dumps(recorded.steps))
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.worlds.play", str(tmp_path)],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": "Pacific/Kiritimati", "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    told, ledger = json.loads(done.stdout)
    assert told == json.loads(json.dumps(recorded.told))
    assert ledger == json.loads(json.dumps(recorded.ledger))


def test_another_seed_gives_other_ids(recorded: Recorded, tmp_path: Path) -> None:
    """What is compared here does depend on the world: the tests above could fail."""
    with session.opened(tmp_path, ":memory:") as parts:
        parts.store.create("other", seed=session.SEED + 1, clock=session.CLOCK)
        first = next(step for step in recorded.steps if isinstance(step, Call) and step.body.startswith(b"name=Jenny"))
        assert session.nameless(session.take(parts, first, "other")) != session.nameless(session.take(parts, first))
