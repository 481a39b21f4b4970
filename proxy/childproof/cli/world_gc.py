"""`childproof world gc`: check the file, drop what no world needs, give the space back."""

import sys

import click

from .reading import open_ledger, open_worlds, store_option


@click.command()
@store_option
@click.option("--check", is_flag=True, help="Only check; change nothing. Exit 1 where something is wrong.")
def gc(*, db: str | None, check: bool) -> None:
    """Check the database, then compact it. What a world or a fork still needs is never touched.

    Other processes may go on using it; while it is compacted their calls wait.
    """
    with open_ledger(db) as (store, ledger):
        wrong = [*store.check(), *ledger.check()]
        path, count = store.path, len(store.names())
    for finding in wrong:
        print(f"{path}: {finding}")
    if wrong:
        click.echo("nothing was changed; restore a copy, or export the worlds that can still be read", err=True)
        sys.exit(1)
    print(f"{path}: sound, {count} world{'s' if count != 1 else ''}")
    if check:
        return
    with open_worlds(db) as (store, ledger):
        done = store.compact(record=ledger)
    saved = max(0, done.before - done.after)
    print(f"{path}: {_size(done.after)}, {_size(saved)} given back")


def _size(count: int) -> str:
    return f"{count / 1024**2:.1f} MiB" if count >= 1024**2 else f"{count / 1024:.0f} KiB"
