"""`childproof rules`: rule files, looked at without running anything, and the rules that a server has in force."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from childproof.catalog import load_catalog
from childproof.catalog.shipped import shipped
from childproof.control.explaining import explained
from childproof.control.messages_rules import Explained
from childproof.errors import Fault, InputError
from childproof.model import Call
from childproof.policy import Ruleset, load_ruleset
from childproof.policy.cases import load_cases, run_case, with_content
from childproof.policy.target import EXAMPLE, TargetError, is_target_word, parse_target

from .options import stubs_option
from .rules_served import check_served, checked, delete, explain_served, put, show
from .rules_suggest import suggest_command
from .where import Where, asking_options

_world_option = click.option(
    "--world", metavar="NAME", help="With --server: what judges this world, be it rules of its own or the common ones."
)


@click.group()
def rules() -> None:
    """Check, explain, test and draft rule files; see and replace those of a server."""


@rules.command(short_help="Load rule files as one ruleset, report every fault.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE…]")
@asking_options("load the files here")
@_world_option
def check(*, files: tuple[Path, ...], stubs: tuple[Path, ...], where: Where | None, world: str | None) -> None:
    """Load rule files as one ruleset; report every fault with its place, exit 2 if there are any.

    With --server the server loads them, with its stubs, and changes nothing; without FILE, tell what it has in force.
    """
    if where is not None:
        print(check_served(where, files, world))
        return
    _without_server(world)
    if not files:
        raise click.UsageError("no file to check; write for example: childproof rules check rules.yaml")
    print(checked(len(_load(files, stubs)), map(str, files)))


@rules.command(short_help="Say what the rules make of calls, and why.")
@click.argument("words", nargs=-1, required=True, metavar="[FILE…] CALL…")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header of the call.")
@click.option("--json-body", metavar="JSON", help="The body, sent as application/json.")
@click.option("--form", metavar="PAIRS", help="The body, sent as a form: amount=100&currency=usd.")
@click.option("--body", metavar="TEXT", help="The body as it is.")
@click.option("--sender", metavar="ADDRESS", help="The sender in the SMTP envelope.")
@click.option("--recipient", "recipients", multiple=True, metavar="ADDRESS", help="A recipient in the SMTP envelope.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each call, on a line of its own.")
@asking_options("load the files here")
@_world_option
def explain(
    *,
    words: tuple[str, ...],
    headers: tuple[str, ...],
    json_body: str | None,
    form: str | None,
    body: str | None,
    sender: str | None,
    recipients: tuple[str, ...],
    stubs: tuple[Path, ...],
    where: Where | None,
    world: str | None,
    as_json: bool,
) -> None:
    """Say what the rules make of calls, and why; where none matches, which came nearest and what differed.

    Without FILE the shipped rules are asked, with --server those that are in force there. A CALL reads like POST https://api.stripe.com/v1/charges,
    SMTP smtp.gmail.com:587, TCP 203.0.113.7:4444, UDP 203.0.113.7:443 or DNS example.com.
    """
    files, targets = _split(words)
    if where is None:
        _without_server(world)
        ruleset = _load(files or [_default()], stubs)
    given = [(kind, text) for kind, text in ((_JSON, json_body), (_FORM, form), ("", body)) if text is not None]
    if len(given) > 1:
        raise InputError.single("--json-body, --form, --body", "more than one body", "one of them")
    kind, text = given[0] if given else ("", "")
    calls = [
        with_content(
            call,
            headers=[_header(header) for header in headers],
            body=(kind, text.encode()),
            sender=sender,
            recipients=recipients,
        )
        for call in targets
    ]
    told = (
        (explained(call, ruleset.explain(call)) for call in calls)
        if where is None
        else explain_served(where, files, world, calls)
    )
    for number, one in enumerate(told):
        if as_json:
            print(json.dumps(msgspec.to_builtins(one)))
        else:
            print(("\n" if number else "") + _as_text(one))


@rules.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE…]")
@click.option(
    "--rules",
    "rule_files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The rules for cases that name none [default: the shipped rules]. May be given again.",
)
@click.option("-v", "--verbose", is_flag=True, help="List the cases that hold as well.")
@stubs_option
def test(files: tuple[Path, ...], rule_files: tuple[Path, ...], stubs: tuple[Path, ...], *, verbose: bool) -> None:
    """Run cases: calls, and what the rules must say of them. Exit 1 if one doesn't hold.

    Without FILE: rules/cases/*.yaml below the working directory, else the cases that ship.
    """
    cases = load_cases(
        files or _case_files(),
        rules=rule_files or (_default(),),
        stubs=load_catalog(stubs).names(),
        include_roots=(shipped("rules"),),
    )
    failed = 0
    for case in cases:
        failures = run_case(case)
        failed += bool(failures)
        if failures:
            print(f"{case.place}: {case.name}\n    {case.call.target}")
            print("".join(f"    {failure}\n" for failure in failures), end="")
        elif verbose:
            print(f"ok  {case.name}")
    total = f"{len(cases)} case{'s' if len(cases) != 1 else ''}"
    print(f"{failed} of {total} failed" if failed else f"ok: {total}")
    sys.exit(1 if failed else 0)


for _command in (suggest_command, show, put, delete):
    rules.add_command(_command)

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


def _load(files: Sequence[Path], stubs: Sequence[Path]) -> Ruleset:
    """The ruleset, its faults together with those of the stubs."""
    faults: list[Fault] = []
    names = None
    try:
        names = load_catalog(stubs).names()
    except InputError as error:
        faults += error.faults
    try:
        ruleset = load_ruleset(files, stubs=names, include_roots=(shipped("rules"),))
    except InputError as error:
        raise InputError([*faults, *error.faults]) from None
    if faults:
        raise InputError(faults)
    return ruleset


def _default() -> Path:
    return shipped("rules") / "default.yaml"


def _case_files() -> list[Path]:
    here = sorted(Path("rules/cases").glob("*.yaml"))
    return here or sorted((shipped("rules") / "cases").glob("*.yaml"))


def _split(words: Sequence[str]) -> tuple[list[Path], list[Call]]:
    """Files first, then calls, which may stand in quotes or as separate words."""
    start = next((at for at, word in enumerate(words) if is_target_word(word) and not Path(word).is_file()), len(words))
    calls: list[Call] = []
    rest = list(words[start:])
    try:
        while rest:
            if " " in rest[0] or "://" in rest[0]:
                calls.append(parse_target(rest.pop(0)))
                continue
            # DNS takes a record type or leaves it out; a name never looks like a type.
            three = rest[0] == "DNS" and len(rest) > 2 and rest[1].isupper() and "." not in rest[1]
            size = 3 if three else 2
            calls.append(parse_target(" ".join(rest[:size])))
            del rest[:size]
    except TargetError as error:
        raise InputError.single("CALL", str(error), "a call", EXAMPLE) from None
    if not calls:
        raise InputError.single("CALL", "no call", "one after the rule files", EXAMPLE)
    return [Path(word) for word in words[:start]], calls


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise InputError.single("--header", repr(text), "a name and a value", "-H 'X-Api-Key: abc'")
    return name.strip(), value.strip()


def _as_text(told: Explained) -> str:
    lines = [told.call, f"  verdict  {told.verdict}{f' {told.stub}' if told.stub else ''}"]
    if told.rule is not None:
        lines.append(f"  rule     {told.rule}")
    lines.append(f"  reason   {told.reason}")
    lines += [f"  would    {one.verdict}, by {one.rule}: {one.reason}" for one in told.would]
    lines += [f"  limit    {one.limit}; this call adds {one.adds}" for one in told.limits]
    if told.nearest is not None:
        lines.append(f"  nearest  {told.nearest.rule}")
        lines += [
            f"           {one.field} is {one.got}, the rule wants {one.wanted}" for one in told.nearest.differences
        ]
    elif told.hint:
        lines.append(f"  hint     {told.hint}")
    return "\n".join(lines)


def _without_server(world: str | None) -> None:
    if world is not None:
        raise click.UsageError("--world goes with --server: a world has rules of its own only there")
