"""`childproof stubs conform`: whether what the stubs replied is what their documents say."""

import base64
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from childproof.catalog import Catalog, load_catalog
from childproof.ledger import Entry, Filter, Recorded
from childproof.stubkit.reply.conformance import Misfit

from .options import stubs_option
from .reading import printable
from .where import Where, where_options

BINARY = "base64:"
MASKS = ("[redacted]", "…", "****")


@click.command("conform", short_help="Check recorded replies against the stubs' documents.")
@where_options
@click.option("--world", metavar="NAME", help="Only this world, with what it inherited by a fork [default: all].")
@stubs_option
@click.option("--service", metavar="NAME", help="Only the replies of this stub.")
def conform_command(*, where: Where, world: str | None, stubs: tuple[Path, ...], service: str | None) -> None:
    r"""Check every reply of a stub in the ledger against the response schema that the stub's document has for it.

    \b
      childproof stubs conform
      childproof stubs conform --world demo --service stripe

    Prints each place where a reply doesn't fit, and exits with 1 if there is one. Replies that can't be checked are
    counted: those that the document has no JSON schema for, that were too long to be recorded whole, or whose secrets
    are masked at the very place. With --server the replies are the server's, and the documents those of the stubs here.
    """
    catalog = load_catalog(stubs)
    counts: Counter[str] = Counter()
    wrong = 0
    with where.records() as records:
        if world is not None:
            records.branch(world)  # says which there are, if not this one
        for entry in records.entries(world=world, only=Filter("stub", service, protocols=("http",)), last=None):
            found = list(_misfits(catalog, entry, counts))
            wrong += bool(found)
            for misfit in found:
                print(f"{entry.id}  {printable(entry.target)}  {entry.status}  {printable(str(misfit))}")
    checked = counts.pop("checked", 0)
    print(f"{checked:,} repl{'ies' if checked != 1 else 'y'} checked, {wrong:,} not as documented")
    for why, count in sorted(counts.items()):
        print(f"  {count:,} not checked: {why}")
    if wrong:
        sys.exit(1)


def _misfits(catalog: Catalog, entry: Entry, counts: Counter[str]) -> Iterator[Misfit]:
    """What is wrong with an entry's reply; `counts` says what was checked and what wasn't."""
    why = _unchecked(entry)
    if why:
        counts[why] += 1
        return
    assert entry.stub is not None
    assert entry.operation is not None
    assert entry.reply is not None
    assert entry.status is not None
    try:
        conformance = catalog.get(entry.stub).service.conformance
    except LookupError:
        counts[f"the stub {entry.stub} isn't here; name its folder with --stubs"] += 1
        return
    method, _, path = entry.operation.partition(" ")
    misfits = None
    if conformance is not None:
        method = "HEAD" if entry.method == "HEAD" else method
        misfits = conformance.misfits(method, path, entry.status, entry.reply.headers, _body(entry.reply))
    if misfits is None:
        counts["the document has no JSON schema for it"] += 1
        return
    broken = len(misfits) == 1 and not misfits[0].pointer and any(mask in entry.reply.body for mask in MASKS)
    plain = [misfit for misfit in misfits if not broken and not any(mask in misfit.found for mask in MASKS)]
    if misfits and not plain:
        counts["masked where it doesn't fit"] += 1
        return
    counts["checked"] += 1
    yield from plain


def _unchecked(entry: Entry) -> str:
    if entry.operation is None:
        return "a gap, which no document has"
    if entry.reply is None or entry.status is None:
        return "no reply was recorded"
    return "too long to be recorded whole" if entry.reply.cut else ""


def _body(reply: Recorded) -> bytes:
    if reply.body.startswith(BINARY):
        return base64.b64decode(reply.body.removeprefix(BINARY))
    return reply.body.encode()


__all__ = ["conform_command"]
