"""Where a command finds worlds: in a database (`--db`), or at a server (`--server`)."""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from childproof.errors import InputError

from .reading import open_ledger, open_worlds, store_option

if TYPE_CHECKING:
    from childproof.client import Client

    from .records import Records, Worlds

TOKEN = "CHILDPROOF_CONTROL_TOKEN"  # noqa: S105 (a variable's name)


@dataclass(frozen=True, slots=True)
class Where:
    """What the options say: a database's file, or a server's address and the file of its token."""

    db: str | None = None
    server: str | None = None
    token_file: Path | None = None

    @contextmanager
    def records(self) -> "Iterator[Records]":
        """The records, to read. Raises StoreError or ControlError."""
        if self.server is not None:
            from .served import ServedRecords  # noqa: PLC0415 (HTTP: only where it is asked for)

            with self.client() as client:
                yield ServedRecords(client)
            return
        from .stored import StoredRecords  # noqa: PLC0415

        with open_ledger(self.db) as (store, ledger):
            yield StoredRecords(store, ledger)

    @contextmanager
    def worlds(self, *, create: bool = False, read: bool = False) -> "Iterator[Worlds]":
        """Worlds, to change, or only to `read`. `create` may make a database. Raises StoreError or ControlError."""
        if self.server is not None:
            from .served import ServedWorlds  # noqa: PLC0415

            with self.client() as client:
                yield ServedWorlds(client)
            return
        from .stored import StoredWorlds  # noqa: PLC0415

        with open_ledger(self.db) if read else open_worlds(self.db, create=create) as (store, ledger):
            yield StoredWorlds(store, ledger)

    @contextmanager
    def client(self) -> "Iterator[Client]":
        """The server's API. Raises InputError where no server is named."""
        from childproof.client import Client  # noqa: PLC0415

        if self.server is None:
            raise InputError.single("--server", "nothing", "a server's address", "--server unix:/run/childproof.sock")
        with Client(self.server, token=self._token()) as client:
            yield client

    def _token(self) -> str | None:
        if self.token_file is None:
            return os.environ.get(TOKEN)
        try:
            return self.token_file.read_text().strip()
        except OSError as error:
            raise InputError.single(
                self.token_file, f"can't be read: {error.strerror}", "a file with the token"
            ) from None


def server_options[**P, R](command: Callable[P, R]) -> Callable[P, R]:
    """--server and --token-file, as `server` and `token_file`."""
    for option in (
        click.option(
            "--token-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help=f"The server's token [default: that in {TOKEN}].",
        ),
        click.option(
            "--server",
            envvar="CHILDPROOF_SERVER",
            metavar="URL",
            help="Ask a running server: unix:PATH or http://HOST:PORT [default: read the database].",
        ),
    ):
        command = option(command)
    return command


def where_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--db, --server and --token-file, which the command gets as one value: `where`."""

    @store_option
    @server_options
    @functools.wraps(command)
    def with_where(*args: Any, db: str | None, server: str | None, token_file: Path | None, **others: Any) -> Any:
        return command(*args, where=chosen(db, server, token_file), **others)

    return with_where


def chosen(db: str | None, server: str | None, token_file: Path | None) -> Where:
    """What the options say; a file that is named counts more than a server from the environment."""
    if db is not None and server is not None:
        context = click.get_current_context()
        if context.get_parameter_source("server") is click.core.ParameterSource.ENVIRONMENT:
            return Where(db)
        raise click.UsageError("--db and --server are two places; choose one", context)
    return Where(db, server, token_file)
