"""`childproof rules suggest`: from the ledger of a world to the smallest rule file that its calls need."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from childproof.catalog import Catalog, load_catalog
from childproof.ledger import ANY, Entry
from childproof.model import Action, Call, Envelope, Protocol
from childproof.policy.suggest import Seen, Serving, suggest

from .options import stubs_option
from .where import Where, where_options


@click.command(name="suggest", short_help="Draft the rules that the calls in a ledger need.")
@where_options
@click.option("--world", metavar="NAME", help="The world whose calls are looked at [default: all].")
@stubs_option
@click.option(
    "--allow-new", is_flag=True, help="Let out what no rule decided about, instead of writing it as a comment."
)
def suggest_command(*, where: Where, world: str | None, stubs: tuple[Path, ...], allow_new: bool) -> None:
    """Draft the smallest rule file that decides about every call in a ledger.

    What a stub of the catalog serves is stubbed. What was let out is let out: to the hosts, methods and paths that were
    seen. What no rule decided about stands in the draft as a comment.
    """
    catalog = load_catalog(stubs)
    with where.records() as records:
        if world is not None:
            records.branch(world)  # says which there are, if not this one
        seen = list(_seen(records.entries(world=world, only=ANY, last=None)))
    print(suggest(seen, _serving(catalog), allow_new=allow_new).text, end="")


def _seen(entries: Iterable[Entry]) -> Iterator[Seen]:
    for entry in entries:
        if entry.protocol in {protocol.value for protocol in Protocol}:
            would = tuple(one.rule for one in entry.would)
            yield Seen(call_of(entry), Action(entry.verdict), entry.rule, entry.stub, entry.reason, would)


def call_of(entry: Entry) -> Call:
    """The call again, as far as its entry tells: what was masked or cut stays so."""
    path, _, query = entry.path.partition("?")
    scheme = entry.target.split(" ", 1)[-1].partition("://")[0] if "://" in entry.target else ""
    protocol = Protocol(entry.protocol)
    return Call(
        protocol,
        entry.host,
        entry.port,
        world=entry.world,
        method=entry.method,
        scheme=scheme,
        path=path,
        query=query,
        headers=entry.request.headers if entry.request is not None else (),
        tls=scheme == "https",
        envelope=Envelope("", ()) if protocol is Protocol.SMTP else None,
    )


def _serving(catalog: Catalog) -> list[Serving]:
    found = []
    for name in catalog.names():
        stub = catalog.get(name)
        protocols = {Protocol(kind) for kind in stub.service.behaviours.receivers}
        if stub.service.api is not None:
            protocols.add(Protocol.HTTP)
        found.append(Serving(name, stub.hosts, frozenset(protocols)))
    return found
