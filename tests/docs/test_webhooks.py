"""docs/webhooks.md: its story runs from the first command to the last, and says what it shows."""

from pathlib import Path

import pytest

from childproof.run.config.config import load_config

from .story import DOCS, blocks, environment, follow

BLOCKS = blocks((DOCS / "webhooks.md").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    named = iter(("shop.yaml", "shop.py"))
    for kind, file, text in BLOCKS:
        if kind == "console":
            continue
        path = tmp_path / (file or next(named))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.slow
@pytest.mark.sealed
def test_the_story_goes_as_the_page_says(folder: Path) -> None:
    """Each command's output holds the lines that stand below it."""
    environ = environment()
    (folder / "childproof.yaml").unlink()
    for kind, _, text in BLOCKS:
        if kind == "console":
            follow(text, folder, environ, fails=" 500 ")


@pytest.mark.parametrize("file", ["childproof.yaml", "pod.yaml"])
def test_the_configurations_are_accepted(folder: Path, file: str) -> None:
    """And mean what the page says."""
    webhooks = load_config({"HOME": str(folder)}, folder, folder / file).webhooks
    if file == "pod.yaml":
        assert (webhooks.loopback, webhooks.deliver) == (True, {})
        return
    assert {name: (one.port, one.tls) for name, one in webhooks.deliver.items()} == {
        "shop.example": (3000, False),
        "api.shop.example:8443": (3443, True),
    }
