"""docs/worlds.md: its story runs from the first command to the last, and shows what it says that it shows."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from childproof.sandbox.support import sealing_refusal

TEXT = (Path(__file__).parents[2] / "docs" / "worlds.md").read_text()
pytestmark = pytest.mark.timeout(300)  # the story is followed once, in the set-up of the first test: twelve sealed runs
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, str, str]]]:
    """The folder in which the page was followed; each block of commands, its output, and what the page shows."""
    reason = sealing_refusal()
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("story")
    for name, block in zip(
        ("shop.py", "fix.py", "look.py"), [text for kind, text in BLOCKS if kind == "python"], strict=True
    ):
        (folder / name).write_text(block)
    [world_file] = [text for kind, text in BLOCKS if kind == "yaml"]
    (folder / "market.yaml").write_text(world_file)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("CHILDPROOF_")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    followed = []
    for place, (kind, block) in enumerate(BLOCKS):
        if kind == "sh":
            done = subprocess.run(
                ["bash", "-e", "-c", block], cwd=folder, env=environ, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
            after = BLOCKS[place + 1] if place + 1 < len(BLOCKS) else ("", "")
            followed.append((block, done.stdout, after[1] if after[0] == "text" else ""))
    return folder, followed


def without_ids(text: str) -> str:
    """Ids follow from the calls' numbers, and a machine's resolver may ask more or fewer questions."""
    return re.sub(r"since call \d+", "since call N", re.sub(r"(?<=[a-z]_)[0-9A-Za-z]{10,}", "…", text))


@pytest.mark.slow
@pytest.mark.sealed
def test_the_page_shows_what_its_commands_print(story: tuple[Path, list[tuple[str, str, str]]]) -> None:
    shown = [(output, page) for _, output, page in story[1] if page]
    assert len(shown) == 2
    for output, page in shown:
        assert without_ids(output) == without_ids(page)


@pytest.mark.slow
@pytest.mark.sealed
def test_the_ten_ideas_are_ten_worlds(story: tuple[Path, list[tuple[str, str, str]]]) -> None:
    lines = [line.split("\t") for line in story[1][0][1].splitlines() if line.startswith("checkout")]
    assert [line[0] for line in lines] == ["checkout", *sorted(f"checkout/try-{number}" for number in range(1, 11))]
    assert len({line[1] for line in lines[1:]}) == 1  # all from the same call
    assert {line[4] for line in lines[1:]} == {f"idea={number}" for number in range(1, 11)}


@pytest.mark.slow
@pytest.mark.sealed
def test_the_keys_are_those_of_show(story: tuple[Path, list[tuple[str, str, str]]]) -> None:
    table = TEXT.partition("\n## For programs\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    command = [sys.executable, "-m", "childproof", "world", "show", "shop", "--json"]
    done = subprocess.run(command, cwd=story[0], capture_output=True, text=True, check=True)
    assert named == json.loads(done.stdout).keys()
