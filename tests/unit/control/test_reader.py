"""Long reading beside the calls: in a thread, with a store of its own; what is only in memory has none."""

import asyncio
import threading
from pathlib import Path

import pytest

from childproof.control import reader
from childproof.control.problems import Problem
from childproof.control.reader import reading
from childproof.errors import StoreError
from childproof.ledger import Ledger
from childproof.model import replace
from childproof.world import Store

from .conftest import Api


def test_a_file_is_read_in_a_thread_that_cannot_write(api: Api, tmp_path: Path) -> None:
    """And the answer, or what was raised, comes back."""

    def looked(store: Store, ledger: Ledger) -> tuple[int, bool]:
        assert ledger.position() == 0
        with pytest.raises(StoreError, match="open for reading only"):
            store.create("another")
        return store.world("main").seq, threading.current_thread() is threading.main_thread()

    with Store.open(str(tmp_path / "a.db"), wall=lambda: 0) as store:
        store.create("main")
        desk = replace(
            api.desk, store=store, ledger=Ledger(store.connection, lock=store.lock), closing=asyncio.Event(), rooms={}
        )
        assert api.runner.run(reading(desk, "main", looked)) == (0, False)


def test_memory_is_read_here_unless_that_took_too_long(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the number of calls."""
    api.made("remembered")
    api.pass_time("remembered", 2)
    assert api.runner.run(reading(api.desk, "remembered", lambda store, _: store.world("remembered").seq)) == 2
    monkeypatch.setattr(reader, "MOST_IN_MEMORY", 1)
    with pytest.raises(Problem, match="only in memory"):
        api.runner.run(reading(api.desk, "remembered", lambda store, _: store.path))
