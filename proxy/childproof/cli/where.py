"""Where a command finds worlds: in a database (`--db`), or at a server (`--server`)."""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from childproof.errors import InputError

from .options import stubs_option
from .reading import open_ledger, open_worlds, store_option
from .token import TOKEN, read_token

if TYPE_CHECKING:
    from childproof.client import Client

    from .records import Records, Worlds

_PLACE = ("db", "server", "token_file")
_NEEDED = ("nothing", "a server's address, here or in CHILDPROOF_SERVER", "--server unix:/run/childproof.sock")


class Where(msgspec.Struct, frozen=True):
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
            raise InputError.single("--server", *_NEEDED)
        with Client(self.server, token=read_token(self.token_file)) as client:
            try:
                yield client
            except (LookupError, TypeError, ValueError, AttributeError) as error:  # an answer of another shape
                from childproof.client.asking import foreign  # noqa: PLC0415 (nothing is wrong as a rule)

                found = f"{type(error).__name__}: {error}"
                raise foreign(200, f"{self.server} answers what this command can't read ({found[:200]})") from error


def server_options[**P, R](command: Callable[P, R], otherwise: str = "read the database") -> Callable[P, R]:
    """--server and --token-file, as `server` and `token_file`; `otherwise` is what the command does without."""
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
            help=f"Ask a running server: unix:PATH or http://HOST:PORT [default: {otherwise}].",
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


def asking_options(otherwise: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """--stubs, --server and --token-file, which the command gets as `stubs` and `where`: None where no server is asked."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @stubs_option
        @functools.wraps(command)
        def with_where(*args: Any, server: str | None, token_file: Path | None, **others: Any) -> Any:
            return command(*args, where=served(server, token_file, others["stubs"]), **others)

        return server_options(with_where, otherwise)

    return decorate


def only_server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--server and --token-file of what only a server has, as `where`. Raises InputError where none is named."""

    @functools.wraps(command)
    def with_where(*args: Any, server: str | None, token_file: Path | None, **others: Any) -> Any:
        if server is None:
            raise InputError.single("--server", *_NEEDED)
        return command(*args, where=Where(server=server, token_file=token_file), **others)

    return server_options(with_where, "that in CHILDPROOF_SERVER")


def chosen(db: str | None, server: str | None, token_file: Path | None) -> Where:
    """What the options say; a file that is named counts more than a server from the environment."""
    if db is not None and server is not None:
        if not _named():
            return Where(db)
        raise click.UsageError("--db and --server are two places; choose one", click.get_current_context())
    return Where(db, _server(server, token_file), token_file)


def inherited(where: Where) -> Where:
    """The same, or what stands before the command's name where nothing does after it: `childproof mail --db FILE show 1`."""
    context = click.get_current_context()
    above = context.parent
    if above is None or any(map(_is_typed, (context,) * 3, _PLACE)) or not any(map(_is_typed, (above,) * 3, _PLACE)):
        return where
    return chosen(*(above.params[name] for name in _PLACE))


def _is_typed(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def served(server: str | None, token_file: Path | None, stubs: Sequence[Path]) -> Where | None:
    """The server that a command asks which has no database; None: it looks at files here.

    Stubs that are named count more than a server from the environment.
    """
    if stubs and server is not None:
        if not _named():
            return None
        raise click.UsageError(
            "--stubs and --server: a server has stubs of its own; leave one of them out", click.get_current_context()
        )
    return Where(server=server, token_file=token_file) if _server(server, token_file) is not None else None


def _named() -> bool:
    """Whether the server is named on the command line, and not in the environment."""
    source = click.get_current_context().get_parameter_source("server")
    return source is not click.core.ParameterSource.ENVIRONMENT


def _server(server: str | None, token_file: Path | None) -> str | None:
    if server is None and token_file is not None:
        raise click.UsageError("--token-file goes with --server", click.get_current_context())
    return server
