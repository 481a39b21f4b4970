"""What is wrong is said before anything starts, also what a world keeps whatever the flags say."""

import os
from pathlib import Path

import pytest

from childproof.errors import InputError, StoreError
from childproof.run.compose import compose
from childproof.run.config.config import Config
from childproof.run.config.listen import Listen
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


BROKEN = "version: 1\nrules: [{name: a, match: {host: shop.example}, STUB}]\n"


@pytest.mark.parametrize(
    ("to", "listen", "refused"),
    [("stub: shop", "", True), ("reply: {status: 200}", "shop", True), ("reply: {status: 200}", "", False)],
    ids=["a rule", "a listener", "nothing"],
)
def test_a_given_stub_is_loaded_where_something_leads_to_it(
    tmp_path: Path, to: str, listen: str, *, refused: bool
) -> None:
    """Its faults are said at the start then; a folder of stubs that nobody asks costs a start nothing."""
    (tmp_path / "stubs" / "shop").mkdir(parents=True)
    (tmp_path / "stubs" / "shop" / "stub.yaml").write_text("stub: shop\nhost: [shop.example]\n")
    rules = tmp_path / "rules.yaml"
    rules.write_text(BROKEN.replace("STUB", to))
    listeners = (Listen("main", at="127.0.0.1:0", stub=listen),) if listen else ()
    config = Config(state_dir=tmp_path, store=":memory:", rules=(rules,), stubs=(tmp_path / "stubs",), listen=listeners)
    if refused:
        with pytest.raises(InputError, match=r"stub\.yaml"):
            compose(config, worlds=("main",), wall=lambda: 0, on_trouble=lambda _: None)
    else:
        compose(config, worlds=("main",), wall=lambda: 0, on_trouble=lambda _: None).close()


def test_where_the_rules_are_broken_all_given_stubs_are_checked(tmp_path: Path) -> None:
    """Nobody knows then which ones they were to lead to: both are said at once."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "stub.yaml").write_text("stub: shop\nhost: [shop.example]\n")
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 9\nrules: []\n")
    config = Config(state_dir=tmp_path, store=":memory:", rules=(rules,), stubs=(tmp_path / "shop",))
    with pytest.raises(InputError) as told:
        compose(config, worlds=("main",), wall=lambda: 0, on_trouble=lambda _: None)
    assert {Path(fault.file).name for fault in told.value.faults} == {"stub.yaml", "rules.yaml"}
