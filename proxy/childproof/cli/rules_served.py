"""`childproof rules … --server`: what a server makes of rule files, and the rules that it has in force."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from childproof.client import Client, ControlError
from childproof.control.messages import Mistaken
from childproof.control.messages_rules import Explained, RulesInForce, WrittenCall
from childproof.errors import Fault, InputError
from childproof.model import Call
from childproof.policy.source import read_source

from .served import known
from .where import Where, only_server_options

_world_option = click.option(
    "--world", metavar="NAME", help="A world's own rules [default: those of all other worlds]."
)
_UNNAMED = "rules"  # what a server calls a text that has no name
_SOURCES = {"files": "files", "put": "a text that was put", "own": "its own", "common": "those of all worlds"}


def check_served(where: Where, files: Sequence[Path], world: str | None) -> str:
    """What `rules check` prints. Raises InputError with every fault that the server finds."""
    if files and world is not None:
        raise click.UsageError("--world goes without FILE: a file's rules are the same in every world")
    with where.client() as client, known(client, world):
        if files:
            return checked(_count_of(client, files), map(str, files))
        found = client.rules(world)
    return checked(found.rules, [f"{_in_words(found)} ({client.url})"])


def _bare(one: Mistaken) -> str:
    """What was found, without the place that it begins with."""
    return one.found.removeprefix(f"{one.file}:").lstrip().removeprefix(f"{one.line}:{one.column}: ")


def _count_of(client: Client, files: Sequence[Path]) -> int:
    """How many rules the files have. Raises InputError with what is wrong with any of them, as where they are loaded here."""
    texts, faults = _read(files)
    count = 0
    try:
        with as_faults():
            count = client.check_rules(texts) if texts else 0
    except InputError as error:
        faults += error.faults
    if faults:
        places = {str(file): place for place, file in reversed(list(enumerate(files)))}
        raise InputError(sorted(faults, key=lambda fault: places.get(fault.file, len(files))))
    return count


def checked(count: int, places: Iterable[str]) -> str:
    """The line that says that rules are sound."""
    return f"ok: {count} rule{'s' if count != 1 else ''} in {', '.join(places)}"


def explain_served(
    where: Where, files: Sequence[Path], world: str | None, calls: Sequence[Call]
) -> Iterator[Explained]:
    """What the server's rules, a world's, or those of files make of calls, one after the other."""
    if files and world is not None:
        raise click.UsageError("--world and FILE are two rulesets; choose one")
    texts, faults = _read(files)
    if faults:
        raise InputError(faults)
    with where.client() as client, known(client, world), as_faults():
        for call in calls:
            yield client.explain(_written(call), world=world, text=texts or None)


@click.command(short_help="Show the rules that a server has in force.")
@only_server_options
@_world_option
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, with the ETag that `put` takes.")
@click.option("--etag", "only_etag", is_flag=True, help="Only the ETag.")
def show(*, where: Where, world: str | None, as_json: bool, only_etag: bool) -> None:
    r"""Show the rules that judge calls now, with how many there are, where they come from, and their ETag on standard error.

    \b
      childproof rules show --server unix:control.sock > rules.yaml
      childproof rules show --world checkout --json
    """
    if as_json and only_etag:
        raise click.UsageError("--json has the ETag too; leave one of them out")
    with where.client() as client, known(client, world):
        found = client.rules(world)
    if only_etag:
        print(found.etag)
        return
    if as_json:
        print(json.dumps(msgspec.to_builtins(found), ensure_ascii=False))
        return
    if found.text is not None:
        print(found.text, end="" if found.text.endswith("\n") else "\n")
    else:
        for number, file in enumerate(found.files):
            print(f"{chr(10) if number else ''}# {file.name}\n{file.text.rstrip()}")
    click.echo(f"{_count(found)}, from {_in_words(found)}; ETag {found.etag}", err=True)


@click.command(short_help="Replace the rules that a server has in force.")
@only_server_options
@_world_option
@click.option(
    "--etag", metavar="ETAG", help="Only where this is still in force, as `show` told it [default: whatever is]."
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
def put(*, where: Where, world: str | None, etag: str | None, file: Path) -> None:
    r"""Judge calls by the rules of FILE from the next one on; with --world one world, and what is forked from it.

    All of it or nothing: a fault changes nothing, nor does an ETag of rules that somebody has replaced meanwhile. The server's
    files stay as they are, and are read again at its next reload. FILE may be - for standard input.

    \b
      childproof rules put rules.yaml --world checkout
      childproof rules put rules.yaml --etag "$(childproof rules show --etag)"
    """
    name, text = ("standard input", _stdin()) if str(file) == "-" else (str(file), read_source(file).text)
    with where.client() as client, known(client, world), as_faults(name):
        found = client.put_rules(text, etag="*" if etag is None else _quoted(etag), world=world)
    click.echo(f"{world or 'common'}: {_count(found)} in force; ETag {found.etag}", err=True)


@click.command(short_help="Judge a world by the server's common rules again.")
@only_server_options
@click.argument("world")
def delete(*, where: Where, world: str) -> None:
    """Delete a world's own rules: it is judged by the common ones from the next call on."""
    with where.client() as client, known(client, world):
        before = client.rules(world).source
        client.delete_rules(world)
    said = "judged by the common rules again" if before == "own" else "judged by the common rules, as before"
    click.echo(f"{world}: {said}", err=True)


@contextmanager
def as_faults(name: str = "") -> Iterator[None]:
    """A server's refusal of files as the faults that they have; `name` is that of a text that was sent without one."""
    try:
        yield
    except ControlError as error:
        placed = [one for one in error.errors if one.file]
        if error.status != 422 or not placed:
            raise
        raise InputError(
            Fault(
                name if name and one.file == _UNNAMED else one.file,
                one.line,
                one.column,
                _bare(one),
                one.expected,
                one.write,
            )
            for one in placed
        ) from None


def _read(files: Sequence[Path]) -> tuple[list[tuple[str, str]], list[Fault]]:
    """Names and texts of files, and what is wrong with those that can't be read."""
    texts, faults = list[tuple[str, str]](), list[Fault]()
    for file in files:
        try:
            texts.append((str(file), read_source(file).text))
        except InputError as error:
            faults += error.faults
    return texts, faults


def _written(call: Call) -> WrittenCall:
    """A call as the API takes it: `target` leaves the query out, which rules may ask for."""
    sender, recipients = (call.envelope.sender, list(call.envelope.recipients)) if call.envelope else (None, [])
    target = f"{call.target}?{call.query}" if call.query else call.target
    return WrittenCall(target, [[*header] for header in call.headers], call.body.decode(), sender, recipients)


def _quoted(etag: str) -> str:
    """As HTTP writes it: shells eat quotes."""
    return etag if etag == "*" or etag.startswith('"') else f'"{etag}"'


def _stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InputError.single("standard input", f"a byte that is no UTF-8 at {error.start}", "a rule file") from None


def _count(found: RulesInForce) -> str:
    return f"{found.rules} rule{'s' if found.rules != 1 else ''}"


def _in_words(found: RulesInForce) -> str:
    return ", ".join(file.name for file in found.files) if found.source == "files" else _SOURCES[found.source]
