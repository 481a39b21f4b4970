"""What is wrong is said before anything starts, also what a world keeps whatever the flags say."""

import os
from pathlib import Path

import pytest

from childproof.errors import StoreError
from childproof.run.compose import compose
from childproof.run.config import Config
from childproof.world import REAL, ClockSettings

FROZEN = ClockSettings(start=0, run="frozen")


def said(store: Path, *, seed: int = 0, clock: ClockSettings = REAL) -> list[str]:
    """What composing over the database says; it is closed afterwards."""
    lines: list[str] = []
    config = Config(state_dir=store.parent, store=str(store))
    compose(config, worlds=("main",), seed=seed, clock=clock, wall=lambda: 0, on_trouble=lines.append).close()
    return lines


def test_a_world_keeps_its_seed_and_clock_and_says_so(tmp_path: Path) -> None:
    store = tmp_path / "childproof.db"
    assert said(store, seed=7, clock=FROZEN) == []
    assert said(store, seed=7, clock=FROZEN) == []
    assert said(store) == []
    assert said(store, seed=8) == ["world main exists already and keeps its seed 7; name a new one with --world"]
    [line] = said(store, seed=8, clock=ClockSettings(start=5, run="frozen"))
    assert "keeps its seed 7 and its clock" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_database_that_may_not_be_written_starts_nothing(tmp_path: Path) -> None:
    store = tmp_path / "childproof.db"
    said(store)
    store.chmod(0o444)
    with pytest.raises(StoreError, match="may not be written; change its permissions"):
        said(store)


def test_stubs_do_about_unknown_ids_what_the_configuration_says(tmp_path: Path) -> None:
    """Those that aren't named do what they say themselves."""
    config = Config(state_dir=tmp_path, store=":memory:", unknown_ids={"stripe": "synthesize"})
    parts = compose(config, worlds=("main",), wall=lambda: 0, on_trouble=lambda _: None)
    assert parts.catalog.get("stripe").service.settings.unknown_ids == "synthesize"
    assert parts.catalog.get("email").service.settings.unknown_ids == "refuse"
    parts.close()
