"""What importing costs: names of modules, since a time can't be asserted."""

import subprocess
import sys

import pytest

HEAVY = (
    "mitmproxy",
    "starlette",
    "uvicorn",
    "sqlite3",
    "yaml",
    "asyncio",
    "http.client",
    "childproof.run",
    "childproof.world",
)


def imported(statement: str) -> set[str]:
    program = (
        f"import sys, msgspec, pytest; before = {{*sys.modules}}\n{statement}\nprint(*({{*sys.modules}} - before))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(told.stdout.split())


def test_the_plugin_imports_nothing_of_ours_but_itself() -> None:
    """Every pytest run imports it, whether it uses a fixture or not."""
    assert imported("import childproof.pytest_plugin") == {"childproof", "childproof.pytest_plugin"}


@pytest.mark.parametrize("module", ["childproof.client", "childproof.control.messages"])
def test_the_client_imports_nothing_that_a_server_is_made_of(module: str) -> None:
    """Nor http.client, before something is asked."""
    found = imported(f"import {module}")
    assert [name for name in HEAVY if name in found] == []
