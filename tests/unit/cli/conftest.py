"""A book of calls, and a way to run the command line on it."""

import pytest

from childproof.cli.main import main
from tests.unit.cli.book import Book


@pytest.fixture
def book(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHILDPROOF_STORE", raising=False)
    made = Book(tmp_path / "childproof.db")
    yield made
    made.store.close()


@pytest.fixture
def run(capsys):
    """Run a command; returns exit code, standard output and standard error."""

    def run(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(args)
        out = capsys.readouterr()
        return int(caught.value.code or 0), out.out, out.err

    return run
