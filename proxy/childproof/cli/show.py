"""`childproof show`: one call in full, as a person reads it."""

import json
from typing import Any
from urllib.parse import parse_qsl

import click
from rich.console import Console
from rich.text import Text

from childproof.ledger import Entry, Recorded, timestamp, to_line
from childproof.model import Change, Effect, header
from childproof.world import MISSING, differences

from .log_shown import STYLES
from .reading import duration, find_call, printable
from .where import Where, where_options

BODY_LINES = 60
VALUE = 160  # characters of a changed field's value
WIDTH = 13


@click.command()
@where_options
@click.option("--world", metavar="NAME", help="The world that a CALL given as a number belongs to.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object; its keys are in docs/ledger.md.")
@click.option(
    "--full",
    is_flag=True,
    help=f"All of a body, not only its first {BODY_LINES} lines, and of a field, not only {VALUE} characters.",
)
@click.argument("call")
def show(*, where: Where, world: str | None, as_json: bool, full: bool, call: str) -> None:
    r"""Show one CALL in full: verdict, request, reply, changes, effects, what left the machine, what it caused.

    CALL is an id, the beginning of one, or the call's number in its world.

    \b
      childproof show call_5f1c
      childproof show 12 --world demo
    """
    with where.records() as records:
        entry = find_call(records, call, world)
        cause = None if entry.cause is None else next(iter(records.beginning(entry.cause)), None)
        caused = records.caused_by(entry)
    if as_json:
        print(to_line(entry))
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in _lines(entry, cause, caused, most=None if full else BODY_LINES):
        console.print(line)


def _lines(entry: Entry, cause: Entry | None, caused: list[Entry], *, most: int | None) -> list[Text]:
    head = Text(printable(entry.target), "bold")
    lines = [head, *_facts(entry, cause, caused)]
    for title, part in (("request", entry.request), ("reply", entry.reply)):
        if part is not None and (part.headers or part.size or part.body):
            lines += [Text(), Text(title, "bold"), *_recorded(part, most=most)]
    if entry.changes:
        lines += [Text(), Text("changes", "bold")]
        for change in entry.changes:
            lines += _change(change, most=None if most is None else VALUE)
    if entry.effects:
        lines += [Text(), Text("effects", "bold"), *map(_effect, entry.effects)]
    if entry.error:
        lines += [Text(), Text("error", "bold red"), *_indented(entry.error)]
    return lines


def _facts(entry: Entry, cause: Entry | None, caused: list[Entry]) -> list[Text]:
    verdict = Text(entry.verdict, STYLES.get(entry.verdict, ""))
    verdict.append(f"  {printable(entry.reason)}", "default")
    facts: list[tuple[str, str | Text]] = [("verdict", verdict)]
    if entry.rule is not None:
        facts.append(("rule", entry.rule))
    if entry.stub is not None:
        parts = [entry.stub, entry.operation or "", f"({entry.fidelity})" if entry.fidelity else ""]
        facts.append(("stub", " ".join(part for part in parts if part)))
    facts += [("would", f"{one.verdict}, by rule {one.rule}: {one.reason}") for one in entry.would]
    facts += [
        ("status", "not known yet" if not entry.settled else "-" if entry.status is None else str(entry.status)),
        ("world", f"{entry.world}, call {entry.seq}, at {timestamp(entry.world_at)} of its time"),
        ("time", f"{timestamp(entry.at)}, took {duration(entry.duration_us)}"),
        ("call", f"{entry.id}{f', sandbox {entry.sandbox}' if entry.sandbox else ''}"),
        ("upstream", _upstream(entry)),
        ("trace", entry.trace),
    ]
    if entry.cause is not None:
        facts.append(("caused by", f"{entry.cause}  {cause.target}" if cause is not None else entry.cause))
    facts += [("" if place else "caused", f"{one.id}  {_brief(one)}") for place, one in enumerate(caused)]
    return [_fact(name, value) for name, value in facts]


def _brief(entry: Entry) -> str:
    return entry.target if entry.verdict == "stub" else f"{entry.target} ({entry.verdict}: {entry.reason})"


def _fact(name: str, value: str | Text) -> Text:
    line = Text(f"  {name:<{WIDTH}}", "dim")
    return line.append_text(value if isinstance(value, Text) else Text(printable(value), "default"))


def _upstream(entry: Entry) -> str:
    sent = entry.upstream
    if not entry.settled:
        return "under way: not known yet"
    if not any((sent.dns, sent.connections, sent.bytes_out, sent.bytes_in)):
        return "nothing left this machine"
    return (
        f"{_count(sent.dns, 'name look-up')}, {_count(sent.connections, 'connection')}, "
        f"{_count(sent.bytes_out, 'byte')} out, {_count(sent.bytes_in, 'byte')} in"
    )


def _recorded(part: Recorded, *, most: int | None) -> list[Text]:
    lines = [Text(f"  {printable(name)}: {printable(value)}", "dim") for name, value in part.headers]
    if part.body:
        body = _pretty(part).split("\n")
        lines.append(Text())
        lines += [Text(f"  {printable(line)}") for line in body[:most]]
        if most is not None and len(body) > most:
            lines.append(Text(f"  … {_count(len(body) - most, 'more line')}; --full shows them", "dim"))
    if part.cut:
        lines.append(Text(f"  … cut; the whole has {_count(part.size, 'byte')}, SHA-256 {part.sha256}", "dim"))
    return lines


def _pretty(part: Recorded) -> str:
    """A body as people like to read it: JSON indented, a form as one field a line."""
    kind = (header(part.headers, "content-type") or "").partition(";")[0].strip().lower()
    if kind.endswith("json"):
        try:
            return json.dumps(json.loads(part.body), indent=2, ensure_ascii=False)
        except ValueError:
            return part.body  # cut, or masked within a number
    if kind == "application/x-www-form-urlencoded":
        pairs = parse_qsl(part.body, keep_blank_values=True)
        return "\n".join(f"{name} = {value}" for name, value in pairs) or part.body
    return part.body.replace("\r\n", "\n")


def _change(change: Change, *, most: int | None) -> list[Text]:
    what = f"{change.service} {change.kind} {change.id}"
    if change.before is None:
        sign, style, word = "+", "green", "created"
    elif change.after is None:
        sign, style, word = "-", "red", "deleted"
    else:
        sign, style, word = "~", "yellow", "changed"
    lines = [Text(f"  {sign} {printable(what)} {word}", style)]
    if change.after is None:
        return lines
    for difference in differences(change.before, change.after):
        if difference.before is MISSING and change.before is None:
            if difference.after in (None, {}, []):
                continue  # a new object's empty fields say nothing
            text = _value(difference.after, most)
        else:
            text = f"{_value(difference.before, most)} → {_value(difference.after, most)}"
        lines.append(Text(f"      {printable(difference.path)}: {printable(text)}"))
    return lines


def _value(value: Any, most: int | None) -> str:
    if value is MISSING:
        return "(none)"
    text = json.dumps(value, ensure_ascii=False)
    if most is None or len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most:,} more characters; --full shows them)"


def _effect(effect: Effect) -> Text:
    return Text(f"  {printable(f'{effect.service} {effect.type} {effect.id}')}")


def _indented(text: str) -> list[Text]:
    return [Text(f"  {line}") for line in printable(text.rstrip(), lines=True).split("\n")]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"
