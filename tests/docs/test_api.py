"""docs/api.md: its commands are executed in their order, its Python too, and it names every operation."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from childproof.control.api import described

from .api_reference import PAGE, page

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
PORT = re.compile(r"127\.0\.0\.1:15000")


def test_every_operation_is_named() -> None:
    """In its tables, with method and path; and nothing that isn't there."""
    told = set(re.findall(r"^\| `([A-Z]+ /v1/[^`]*)` \|", TEXT, re.MULTILINE))
    paths = described()["paths"]
    assert told == {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


def test_the_reference_is_that_of_the_document() -> None:
    """Every operation with its fields and refusals; `python -m tests.docs.api_reference` writes it anew."""
    assert PAGE.read_text() == page(described())


def test_every_operation_is_in_an_example() -> None:
    """Which the next test executes: a new operation needs one."""
    text = (
        "".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)).replace("\\\n", " ").replace('"', "").replace("'", "")
    )
    text = text.replace("$mail", "/worlds/$world/mailboxes/ann@example.com/messages")
    asked = {("GET", path) for path in re.findall(r"\bget (/\S*)", text)} | {
        *re.findall(r"\bapi ([A-Z]+) (/\S*)", text)
    }
    for line in re.findall(r"\bcurl .*", text):
        for path in re.findall(r"/v1(/\S*)", line):
            method = re.search(r"-X ([A-Z]+)", line)
            asked.add((method[1] if method else "GET", path))
    shapes = {
        f"{method.upper()} {path}": (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/?]+", path[3:]) + r"(\?.*)?"))
        for path, methods in described()["paths"].items()
        for method in methods
    }
    missing = [
        name
        for name, (method, shape) in shapes.items()
        if not any(one == method and shape.fullmatch(path) for one, path in asked)
    ]
    assert missing == []


def test_the_examples_work(tmp_path: Path) -> None:
    """As they stand, in one shell, one after the other."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    start, token, *rest = blocks
    python = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[0]
    waiting = "until curl -sf {} >/dev/null; do sleep 0.05; done\n"
    script = "set -eu\ntrap 'kill $(jobs -p); wait' EXIT\n" + "".join(
        [
            start.replace("&\n", "&\n" + waiting.format("--unix-socket control.sock http://localhost/v1/ready"), 1),
            *rest,
            f"{sys.executable} - <<'END'\n{python}END\n",
            PORT.sub("127.0.0.1:$PORT", token).replace(
                "&\n", "&\n" + waiting.format("http://127.0.0.1:$PORT/v1/ready"), 1
            ),
        ]
    ).replace(
        "childproof serve",
        f"{Path(sys.executable).with_name('childproof')} serve --http 127.0.0.1:0 --report none --db $DB",
    )
    script = script.replace("--db $DB", "--db one.db", 1).replace("--db $DB", "--db two.db", 1)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHILDPROOF_")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    environ |= {"CHILDPROOF_STATE": str(tmp_path / "state"), "PORT": str(20_000 + time.monotonic_ns() % 10_000)}
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=110, check=False
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    for words in (
        '"parent":"checkout"',
        '"jobs":0',
        '"lookups":0',
        "event: entry",
        '"verdict":"deny"',
        '"source":"own"',
    ):
        assert words in ran.stdout, (words, ran.stdout)
    assert "409 exists" in ran.stdout
    assert (tmp_path / "try-1.yaml").read_text().startswith("# A world of childproof's")
