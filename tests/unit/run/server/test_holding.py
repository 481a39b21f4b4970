"""The lock that keeps a second server away from a store."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from childproof.errors import StoreError
from childproof.run.server.holding import Held


def hold(store: Path | str, patience: float = 0.0, *, stopped: bool = False) -> tuple[Held | None, list[str]]:
    said: list[str] = []
    return Held.of(str(store), patience, stopped=lambda: stopped, say=said.append), said


def test_a_second_server_is_told_who_serves_the_store(tmp_path: Path) -> None:
    """Also by another name of the same file. Once it is released nothing is left of it."""
    store, link = tmp_path / "box.db", tmp_path / "link.db"
    store.touch()
    link.symlink_to(store)
    first, said = hold(store)
    assert first is not None
    assert said == []
    with pytest.raises(StoreError, match=rf"link.db is served by process {os.getpid()} on .* already"):
        hold(link, 0.15)
    first.release()
    assert sorted(tmp_path.iterdir()) == sorted([store, link])
    second, _ = hold(link)
    assert second is not None
    second.release()


def test_what_a_dead_server_left_keeps_nobody_away(tmp_path: Path) -> None:
    """The lock is the process's, and the file just a file."""
    (tmp_path / "box.db.serve").write_text("process 7 on elsewhere\n")
    held, said = hold(tmp_path / "box.db")
    assert held is not None
    assert held.descriptor >= 0
    assert held.path.read_text().startswith(f"process {os.getpid()} ")
    assert said == []
    held.release()


def test_who_waits_says_so_once_and_stops_when_asked_to(tmp_path: Path) -> None:
    first, _ = hold(tmp_path / "box.db")
    assert first is not None
    waited, said = hold(tmp_path / "box.db", 60.0, stopped=True)
    assert waited is None
    assert [line.split(":")[0] for line in said] == [f"{tmp_path}/box.db is served by {first.path.read_text().strip()}"]
    first.release()


def test_a_file_that_was_replaced_while_it_was_waited_for_is_opened_again(tmp_path: Path, monkeypatch) -> None:
    """Its former holder removed it: a lock on what has no name any more would keep nobody away."""
    path, real, locked = tmp_path / "box.db.serve", fcntl.flock, []

    def late(descriptor: int, operation: int) -> None:
        if not locked:
            path.unlink()
        locked.append(descriptor)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    held, _ = hold(tmp_path / "box.db")
    assert held is not None
    assert len(locked) == 2
    monkeypatch.undo()
    with pytest.raises(StoreError, match="is served by"):
        hold(tmp_path / "box.db")
    held.release()


def test_a_file_system_without_locks_is_said_and_serves(tmp_path: Path, monkeypatch) -> None:
    def unknown(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    held, said = hold(tmp_path / "box.db")
    assert held is not None
    held.release()
    assert said == [
        f"{tmp_path}/box.db.serve can't be locked (No locks available): see to it that no second server has this store"
    ]


def test_what_cannot_be_locked_is_refused_and_what_the_store_will_say_is_left_to_it(tmp_path: Path) -> None:
    """A link or a folder in its place; in memory, and in folders that aren't there, there is nothing to hold."""
    (tmp_path / "box.db.serve").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="can't be opened"):
        hold(tmp_path / "box.db")
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "two.db.serve").mkdir()
    with pytest.raises(StoreError, match="can't be opened"):
        hold(tmp_path / "two.db")
    for store in (":memory:", "", tmp_path / "nowhere" / "box.db"):
        held, _ = hold(store)
        assert held is not None
        assert held.descriptor == -1
        held.release()
