"""Files that change are read again without anybody's signal."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from childproof.model import Action
from childproof.run.compose import Parts, compose
from childproof.run.config.config import Config
from childproof.run.server import reloading as module
from childproof.run.server.reloading import Reloader
from tests.unit.run.server.reloaded import FIRST, SECOND, answered, called, serving


@pytest.fixture
def parts(tmp_path: Path):
    with serving(tmp_path) as made:
        yield made


class TestWatching:
    """Changes of files are found without anybody's signal."""

    @staticmethod
    def watched(parts: Parts, monkeypatch: pytest.MonkeyPatch, *changes: Callable[[], object]) -> list[str]:
        """Each change, and what came of it."""
        said: list[str] = []
        monkeypatch.setattr(module, "SETTLED", 0.02)

        async def run() -> None:
            heard: asyncio.Queue[str] = asyncio.Queue()
            async with Reloader(parts, heard.put_nowait, watch=True, every=0.02):
                for change in changes:
                    change()
                    said.append(await heard.get())

        asyncio.run(asyncio.wait_for(run(), 30))
        return said

    def test_a_mounted_configmap_is_swapped_as_a_whole(self, tmp_path, monkeypatch):
        """Its files are links through `..data`, which is what changes; an include that is new is followed, too."""
        volume = tmp_path / "volume"

        def publish(name: str, **files: str) -> None:
            (volume / name).mkdir(parents=True)
            for file, text in files.items():
                (volume / name / f"{file}.yaml").write_text(text)
                if not (volume / f"{file}.yaml").is_symlink():
                    (volume / f"{file}.yaml").symlink_to(f"..data/{file}.yaml")
            (volume / "..tmp").symlink_to(name)
            (volume / "..tmp").replace(volume / "..data")

        publish("..1", rules=FIRST)
        config = Config(state_dir=tmp_path, store=":memory:", rules=(volume / "rules.yaml",))
        parts = compose(config, worlds=("main",))
        including = FIRST.replace("rules:", "include: [more.yaml]\nrules:")
        said = self.watched(
            parts, monkeypatch,
            lambda: publish("..2", rules=SECOND),
            lambda: publish("..3", rules=including, more=SECOND.replace("a.example", "b.example")),
            lambda: publish("..4", rules=including, more=SECOND.replace("a.example", "b.example").replace("second", "third")),
        )  # fmt: skip
        assert said == ["the rules were read again"] * 3
        assert (answered(parts)[1], called(parts, "b.example").verdict.rule) == ("first", "third")
        parts.close()

    def test_an_editor_that_writes_by_rename_is_one_change(self, parts, monkeypatch):
        file = parts.config.rules[0]

        def edit() -> None:
            file.rename(file.with_suffix(".bak"))  # away for a moment
            file.with_suffix(".swp").write_text(SECOND)
            file.with_suffix(".swp").rename(file)

        assert self.watched(parts, monkeypatch, edit) == ["the rules were read again"]
        assert answered(parts) == (Action.REPLY, "second")

    def test_a_file_that_is_away_is_waited_for_and_then_told(self, parts, monkeypatch):
        """As long as it may be put back nothing happens; after that it is a fault, and what it is put back with counts."""
        file = parts.config.rules[0]
        monkeypatch.setattr(module, "PATIENCE", 0.1)
        said = self.watched(parts, monkeypatch, file.unlink, lambda: file.write_text(SECOND))
        assert ["stay as they were" in event for event in said] == [True, False]
        assert answered(parts) == (Action.REPLY, "second")

    def test_an_include_that_was_missing_is_enough_when_it_comes(self, parts, monkeypatch):
        """The file that named it hasn't changed since."""
        file = parts.config.rules[0]
        said = self.watched(
            parts, monkeypatch,
            lambda: file.write_text(FIRST.replace("rules:", "include: [more.yaml]\nrules:")),
            lambda: (file.parent / "more.yaml").write_text(SECOND.replace("a.example", "b.example")),
        )  # fmt: skip
        assert ["stay as they were" in event for event in said] == [True, False]
        assert called(parts, "b.example").verdict.rule == "second"
