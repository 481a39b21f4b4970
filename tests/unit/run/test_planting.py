"""A run's world that isn't there yet is made of the world file that has its name; others are made as ever."""

from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.run.compose import compose
from childproof.run.config.config import Config, load_config

FILE = "world: shop\nseed: 7\nclock: {start: 2026-01-05T09:00:00Z}\nemail: {mailboxes: [{address: a@b.example}]}\n"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "worlds").mkdir()
    (tmp_path / "worlds" / "shop.yaml").write_text(FILE)
    (tmp_path / "worlds" / "other.yaml").write_text("world: other\n")
    (tmp_path / "childproof.yaml").write_text("worlds: [worlds/other.yaml, worlds/shop.yaml]\nstore: c.db\n")
    return load_config({"CHILDPROOF_STATE": str(tmp_path)}, tmp_path)


def composed(config: Config, world: str) -> tuple[list[str], dict[str, object], int]:
    """What was said, what the world holds, its seed."""
    said: list[str] = []
    parts = compose(config, worlds=(world,), wall=lambda: 0, on_trouble=said.append)
    try:
        return said, parts.store.export(world)["state"], parts.store.world(world).seed
    finally:
        parts.close()


def test_a_new_world_is_made_of_its_file_once(config: Config) -> None:
    """The first start plants it and says so; the next one finds it."""
    said, state, seed = composed(config, "shop")
    assert len(said) == 1
    assert said[0].startswith("world shop: made of ")
    assert said[0].endswith("worlds/shop.yaml, with email: 1 mailbox")
    assert "email" in state
    assert seed == 7
    assert composed(config, "shop") == ([], state, 7)


def test_a_world_that_no_file_names_is_empty(config: Config) -> None:
    """As without files."""
    assert composed(config, "main") == ([], {}, 0)


def test_a_file_that_is_wrong_starts_nothing(config: Config, tmp_path: Path) -> None:
    """Its faults are told; the world isn't made."""
    (tmp_path / "worlds" / "shop.yaml").write_text(FILE.replace("mailboxes", "mailbxes"))
    with pytest.raises(InputError, match="unknown key 'mailbxes'"):
        composed(config, "shop")
    assert composed(config, "other")[1] == {}


def test_a_file_that_is_not_there_is_told_where_one_is_needed(config: Config, tmp_path: Path) -> None:
    """Only a world that isn't there yet asks for files."""
    composed(config, "main")
    (tmp_path / "worlds" / "other.yaml").unlink()
    assert composed(config, "main")[0] == []
    with pytest.raises(InputError, match=r"other\.yaml"):
        composed(config, "shop")
