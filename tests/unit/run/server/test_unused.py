"""What is said of given stubs that nothing leads to."""

import asyncio
from pathlib import Path

from childproof.run.compose import compose
from childproof.run.config.config import Config
from childproof.run.config.listen import Listen
from childproof.run.server.unused import remarked

NAMED = "version: 1\nrules: [{name: a, match: {host: a.example}, stub: %s}]\n"
FINE = "stub: {}\nsummary: A\nhosts: [a.example]\nopenapi: openapi.json\n"
API = '{"openapi": "3.1.0", "info": {"title": "A", "version": "1"}, "paths": {"/a": {"get": {"responses": {"200": {"description": "A"}}}}}}'


def test_a_broken_stub_that_nothing_leads_to_is_remarked_at_the_start_and_after_a_reload(tmp_path: Path) -> None:
    """Not those that a rule or a listener leads to: their faults end the start, or fail the reload."""
    folders = {name: tmp_path / "stubs" / name for name in ("gone", "fine", "torn")}
    for name, folder in folders.items():
        folder.mkdir(parents=True)
        (folder / "stub.yaml").write_text("nmae: x\n" if name == "torn" else FINE.format(name))
        (folder / "openapi.json").write_text(API)
    rules = tmp_path / "rules.yaml"
    rules.write_text(NAMED % "stripe")
    config = Config(
        state_dir=tmp_path, store=":memory:", rules=(rules,), stubs=(tmp_path / "stubs",),
        listen=(Listen("main", at="127.0.0.1:0", stub="fine"),),
    )  # fmt: skip
    parts = compose(config, worlds=("main",))
    said: asyncio.Queue[str] = asyncio.Queue()

    async def serve() -> list[str]:
        async with remarked(parts, said.put_nowait):
            found = [await said.get()]
            (folders["gone"] / "stub.yaml").unlink()
            for told in parts.reloads.applied:
                told(config)
            return [*found, await said.get(), await said.get()]

    try:
        heard = asyncio.run(asyncio.wait_for(serve(), 30))
    finally:
        parts.close()
    assert sorted(line.partition(",")[0] for line in heard) == ["the stub gone", "the stub torn", "the stub torn"]
    assert "unknown key 'nmae'" in heard[0]
