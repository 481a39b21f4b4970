"""`childproof world diff`: two worlds compared, for a person, as JSON, and as JSON Patch."""

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from typing import Any

import click

from childproof.control.comparing import Words, values
from childproof.control.mailboxes import SERVICE as EMAIL
from childproof.errors import AskedError
from childproof.model import Change
from childproof.world import MISSING, Comparison, Store, differences, json_patch, pointer

from .reading import printable
from .stored import StoredRecords
from .where import Where, where_options
from .world import json_option

SHOWN = 20  # of each kind, added or removed; --json has all
REAL_TIME = "Times differ where both did the same, since both run with real time; with --clock step:1s or frozen@TIME they don't."
_FACTS = 4
_PARTS = {(EMAIL, "attachment"), (EMAIL, "source"), (EMAIL, "delivery")}  # of messages, which are shown as mails


@click.command()
@where_options
@json_option
@click.option("--patch", is_flag=True, help="As JSON Patch (RFC 6902), which makes the entities of A those of B.")
@click.argument("a")
@click.argument("b")
def diff(*, where: Where, as_json: bool, patch: bool, a: str, b: str) -> None:
    r"""Say what world B holds and did otherwise than world A, since they parted.

    \b
      childproof world diff checkout checkout/try-1
      childproof world diff checkout/try-1 checkout/try-2 --json
    """
    if as_json and patch:
        raise click.UsageError("--json and --patch are two formats; choose one")
    with where.records() as records:
        if patch:
            if not isinstance(records, StoredRecords):
                raise AskedError("a server tells no JSON Patch; take --json, or name its file with --db")
            found = records.store.compare(a, b)
            parts = [*_missing_kinds(records.store, found), *json_patch(found.changes)]
            print(json.dumps(parts, ensure_ascii=False, indent=1))
            return
        compared = records.compared(a, b)
        clocked = as_json or {records.clock(name).run for name in (a, b)} != {"real"}
    found, words, unknown = compared.found, compared.words, compared.unrecorded
    if as_json:
        print(json.dumps({**values(found, words), "unrecorded": unknown}, ensure_ascii=False))
        return
    for line in _lines(found, words, unknown):
        print(line)
    both = found.ancestor not in ("", None, a, b)
    if both and not clocked and any(None not in (change.before, change.after) for change in found.changes):
        print(f"\n{REAL_TIME}")


def _missing_kinds(store: Store, found: Comparison) -> Iterator[dict[str, Any]]:
    """What a patch's paths need and A hasn't: its services and kinds as objects, where B adds to them."""
    added = sorted({(change.service, change.kind) for change in found.changes if change.before is None})
    with store.world(found.a).view() as view:
        held = {kind for kind in view.kinds() if view.list(*kind, limit=1)}
    services = {service for service, _ in held}
    for service, kind in added:
        if service not in services:
            services.add(service)
            yield {"op": "add", "path": pointer([service]), "value": {}}
        if (service, kind) not in held:
            yield {"op": "add", "path": pointer([service, kind]), "value": {}}


# --- for people


def _lines(found: Comparison, words: Mapping[str, Words], unknown: Collection[str]) -> Iterator[str]:
    since = f"since call {found.base} of {found.ancestor}" if found.ancestor else f"since call {found.base}"
    yield f"{found.a} → {found.b}, {since}"
    by_service = {name: list(group) for name, group in groupby(found.changes, key=lambda change: change.service)}
    shown = sorted({*by_service, *(name for name, told in words.items() if told.a != told.b)})
    if not shown:
        yield "no difference"
    for service in shown:
        yield ""
        yield printable(service)
        told = words.get(service)
        if told is not None and told.a != told.b:
            for name, text in ((found.a, told.a), (found.b, told.b)):
                nothing = "not on record: it was imported" if name in unknown else "nothing that matters outside"
                yield f"  {name}: {printable(text or nothing)}"
            if told.difference:
                yield f"  {printable(told.difference)}"
        for _, group in groupby(by_service.get(service, []), key=lambda change: change.kind):
            yield from _kind(list(group))


def _kind(changes: list[Change]) -> Iterator[str]:
    if (changes[0].service, changes[0].kind) in _PARTS:
        return
    for sign, title, group in (
        ("+", "added", [change for change in changes if change.before is None]),
        ("-", "removed", [change for change in changes if change.after is None]),
    ):
        for change in group[:SHOWN]:
            yield f"  {sign} {_named(change)}{_facts(change)}"
        if len(group) > SHOWN:
            yield f"  {sign} … and {len(group) - SHOWN:,} more {printable(changes[0].kind)} {title}; --json has all"
    for change in changes:
        if change.before is not None and change.after is not None:
            fields = [
                f"{printable(d.path)}: {_value(d.before)} → {_value(d.after)}"
                for d in differences(change.before, change.after)
            ]
            if len(fields) == 1:
                yield f"  ~ {_named(change)} {fields[0]}"
            else:
                yield f"  ~ {_named(change)}"
                yield from (f"      {field}" for field in fields)


def _named(change: Change) -> str:
    if (change.service, change.kind) == (EMAIL, "message"):
        value = change.after or change.before or {}
        to = ", ".join(map(str, value.get("envelope", {}).get("to", [])))
        return printable(f'mail to {to}: "{value.get("subject") or "(no subject)"}"')
    return printable(f"{change.kind} {change.id}")


def _facts(change: Change) -> str:
    """The first few plain fields of an entity that only one side has."""
    if (change.service, change.kind) == (EMAIL, "message"):
        return ""
    facts = [
        f"{key}: {_value(value)}"
        for key, value in (change.after or change.before or {}).items()
        if isinstance(value, str | int) and value not in ("", change.id, change.kind, False)
    ]
    return f"  ({printable(', '.join(facts[:_FACTS]))})" if facts else ""


def _value(value: Any) -> str:
    """A field as people read it: plain words without quotes."""
    if value is MISSING:
        return "(none)"
    if isinstance(value, str) and value and value == value.strip():
        return printable(value)
    return printable(json.dumps(value, ensure_ascii=False))
