"""`childproof mail`: the messages that a world would have sent, listed or one in full."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from childproof.errors import ChildproofError
from childproof.ledger import timestamp

from .attachments import save
from .mail_boxes import boxes
from .mailbox import Message, addresses, as_line, content_of, find, messages, source_of
from .reading import printable
from .records import Records
from .where import Where, inherited, where_options

SHOWN = 100
ROOMY = 90  # columns of a terminal from which on there is room for times


def _list_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--limit",
            type=click.IntRange(min=0),
            metavar="N",
            help=f"Only the newest N messages; 0 for all [default: {SHOWN} on a terminal, else all].",
        ),
        click.option("--to", metavar="ADDRESS", help="Only what lies in this mailbox."),
        _json_option("One JSON object a line."),
        _world_option,
        where_options,
    ):
        command = option(command)
    return command


def _json_option(words: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option("--json", "as_json", is_flag=True, help=words)


_world_option = click.option("--world", metavar="NAME", help="Only this world, with what it inherited [default: all].")


@click.group(invoke_without_command=True)
@_list_options
@click.pass_context
def mail(ctx: click.Context, /, **options: Any) -> None:
    r"""Read the mail that a world would have sent. Without a command, list it.

    \b
      childproof mail --world demo
      childproof mail show 1
      childproof mail show 1 --save invoices/
    """
    if ctx.invoked_subcommand is None:
        _list(**options)


@mail.command(name="list")
@_list_options
@click.pass_context
def list_(ctx: click.Context, /, **options: Any) -> None:
    """List the messages, oldest first."""
    _list(**_inherited(ctx, options))


@mail.command(short_help="Show one message, or save its attachments.")
@where_options
@_world_option
@_json_option("As one JSON object.")
@click.option("--html", is_flag=True, help="Only the HTML text, as it is.")
@click.option("--raw", is_flag=True, help="The whole message as it came.")
@click.option("--part", type=click.IntRange(min=1), metavar="K", help="Only the content of attachment K.")
@click.option("--save", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Save the attachments in DIR.")
@click.argument("message")
@click.pass_context
def show(ctx: click.Context, /, *, message: str, **options: Any) -> None:
    r"""Show one MESSAGE: its number in the list, its id, or the beginning of one.

    \b
      childproof mail show 1
      childproof mail show msg_x8 --html > receipt.html
      childproof mail show 1 --part 2 > invoice.pdf
    """
    given = _inherited(ctx, options)
    whole = [name for name in ("as_json", "html", "raw") if given[name]]
    if len(whole) + (given["part"] is not None or given["folder"] is not None) > 1:
        raise click.UsageError("only one of --json, --html, --raw, and --part or --save")
    with given["where"].records() as records:
        found = find(records, message, given["world"])
        if given["folder"] is not None:
            for file in _save(records, found, given["folder"], given["part"]):
                print(file)
        elif given["part"] is not None:
            _write(content_of(records, found, given["part"]))
        elif given["raw"]:
            _write(source_of(records, found))
        elif given["html"]:
            if found.value["html"] is None:
                raise ChildproofError(f"message {found.number} has no HTML text")
            _print(found.value["html"])
        elif given["as_json"]:
            print(as_line(found))
        else:
            _show(found)


mail.add_command(boxes)


def _inherited(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Options may stand before the command too: `childproof mail --world demo show 1`."""
    before = ctx.parent.params if ctx.parent is not None else {}
    given = {name: before.get(name) if value in (None, False) else value for name, value in options.items()}
    return {**given, "where": inherited(options["where"])}


def _list(*, where: Where, world: str | None, as_json: bool | None, to: str | None, limit: int | None) -> None:
    person = sys.stdout.isatty() and not as_json
    with where.records() as records:
        names = [world] if world is not None else records.names()
        listed = [message for name in names for message in messages(records, name, to)]
        shown = (limit or None) if limit is not None else (SHOWN if person else None)
        if shown is not None:
            listed = listed[-shown:]
        if as_json:
            for message in listed:
                print(as_line(message))
        elif person:
            _table(listed, wide=len(names) > 1)
        else:
            for message in listed:
                print(_columns(message, wide=len(names) > 1))


def _save(records: Records, message: Message, folder: Path, part: int | None) -> Iterator[Path]:
    listed = message.value["attachments"]
    if not listed:
        raise ChildproofError(f"message {message.number} has no attachments")
    for number in [part] if part is not None else range(1, len(listed) + 1):
        content = content_of(records, message, number)
        yield save(folder, listed[number - 1]["filename"], listed[number - 1]["type"], number, content)


def _show(message: Message) -> None:
    console = Console(highlight=False, soft_wrap=True)
    value = message.value
    for name, text in (
        ("From", message.sender),
        ("To", addresses(value["to"]) or message.recipients),
        ("Cc", addresses(value["cc"])),
        ("Bcc", ", ".join(value["bcc"]) if value["to"] else ""),
        ("Reply-To", addresses(value["reply_to"])),
        ("Subject", value["subject"]),
        ("Date", value["date"]),
        ("Received", f"{timestamp(value['created'])} · world {message.world} · {value['id']} · {value['size']} bytes"),
        ("Sent", _via(value)),
        ("Broken", ", ".join(dict.fromkeys(value["defects"]))),
    ):
        if text:
            console.print(Text.assemble((f"{name + ':':<10}", "dim"), printable(text)))
    console.print()
    if value["text"] is not None:
        console.print(Text(printable(value["text"], lines=True).rstrip("\n")))
    elif value["html"] is not None:
        console.print(Text("(HTML only: childproof mail show … --html)", "dim"))
    for number, part in enumerate(value["attachments"], 1):
        if number == 1:
            console.print()
        name = part["filename"] or ("(inline)" if part["inline"] else "(without a name)")
        console.print(Text(f"[{number}] {printable(name)} · {printable(part['type'])} · {part['size']} bytes"))


def _via(value: dict[str, Any]) -> str:
    via = value["via"]
    if via.get("service"):  # a mail that a stub sent; one of an earlier version has no such key
        return f"by {via['service']}, from <{value['envelope']['from']}>"
    login = f", logged in as {via['user']}" if via["user"] else ""
    return f"through {via['host']}:{via['port']} with{'' if via['tls'] else 'out'} TLS{login}, from <{value['envelope']['from']}>"


def _table(messages: list[Message], *, wide: bool) -> None:
    console = Console(highlight=False)
    if not messages:
        console.print("no mail")
        return
    roomy = console.width >= ROOMY
    table = Table(box=None, pad_edge=False, header_style="dim", width=console.width)
    if wide:
        table.add_column("world", overflow="ellipsis", no_wrap=True, max_width=20)
    table.add_column("#", justify="right", no_wrap=True, min_width=len(str(messages[-1].number)))
    if roomy:
        table.add_column("time", no_wrap=True, min_width=19)
    table.add_column("from", overflow="ellipsis", no_wrap=True, ratio=2, min_width=12)
    table.add_column("to", overflow="ellipsis", no_wrap=True, ratio=2, min_width=12)
    table.add_column("subject", overflow="ellipsis", no_wrap=True, ratio=3, min_width=12)
    table.add_column("parts", justify="right", no_wrap=True, min_width=5)
    for message in messages:
        cells = [
            Text(str(message.number)),
            *([Text(timestamp(message.value["created"])[:19].replace("T", " "), "dim")] if roomy else []),
            Text(printable(message.sender)),
            Text(printable(message.recipients)),
            Text(printable(message.value["subject"])),
            Text(str(len(message.value["attachments"]) or ""), "dim"),
        ]
        table.add_row(*([Text(message.world), *cells] if wide else cells))
    console.print(table)


def _columns(message: Message, *, wide: bool) -> str:
    """A line whose columns are separated by tabs; the subject is the last one."""
    value = message.value
    texts = [timestamp(value["created"]), value["id"], message.sender, message.recipients, value["subject"]]
    columns = [str(message.number), *map(printable, texts)]
    return "\t".join([message.world, *columns] if wide else columns)


def _print(text: str) -> None:
    """Text from a sandbox: made safe where a terminal would act on it, untouched in a pipe."""
    print(printable(text, lines=True) if sys.stdout.isatty() else text)


def _write(content: bytes) -> None:
    if sys.stdout.isatty():
        _print(content.decode("utf-8", "replace"))
        return
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
