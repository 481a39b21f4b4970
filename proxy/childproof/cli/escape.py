"""`childproof doctor --escape`: the escape matrix on this machine, as far as a client's attempts go."""

import json
import os
import shutil
import sys
from typing import Any

import click

from childproof.escape.lines import AREAS, PARTS, line_of
from childproof.escape.session import NoNamespaces, Result, Session, excused, results, run_session, whole
from childproof.escape.topology import TOPOLOGIES
from childproof.model.text import printable

_STOPPED, _ABSENT, _ESCAPED = "stopped", "absent", "escaped"
_MARKS = {_STOPPED: ("✓", "green"), _ABSENT: ("·", "bright_black"), _ESCAPED: ("✗", "red")}
_LEAST = 100  # columns of a terminal that a line is cut to


def report(*, as_json: bool, topologies: tuple[str, ...] = ()) -> bool:
    """Make every attempt in these topologies and print what came of it; whether all of it was stopped and is on record.

    Without any, in all that this user can set up: some twenty seconds for root. Nothing leaves the machine: sandboxes and
    proxies run in a network namespace whose only way out ends in another one.
    """
    user = "root" if os.getuid() == 0 else "ordinary"
    chosen = topologies or tuple(name for name, one in TOPOLOGIES.items() if user == "root" or not one.needs_root)
    told: list[dict[str, Any]] = []
    try:
        for topology in map(TOPOLOGIES.__getitem__, chosen):
            if not as_json:
                click.echo(click.style(f"\n{topology.name}", bold=True) + f": {topology.about}; as {user}")
            session = run_session(topology.name, user)
            told.append(_told(session))
            if not as_json:
                _print(told[-1])
    except NoNamespaces as error:
        said = f"this machine gives no namespaces to try in: {error}"
        click.echo(json.dumps({"held": False, "error": said}, indent=2) if as_json else said)
        return False
    left = [name for name in TOPOLOGIES if name not in chosen] if not topologies else []
    if left and not as_json:
        click.echo(f"\nnot tried: {', '.join(left)}: only root can make the users and containers of a pod")
    held = all(not one["fault"] and not one["counts"][_ESCAPED] for one in told)
    if as_json:
        click.echo(json.dumps({"held": held, "topologies": told, "needs_root": left}, indent=2))
    return held


def _told(session: Session) -> dict[str, Any]:
    attempts = [_attempt(result) for result in sorted(results(session), key=lambda one: _order(one.attempt.part))]
    counts = {state: sum(one["result"] == state for one in attempts) for state in _MARKS}
    return {
        "topology": session.topology,
        "user": session.user,
        "fault": whole(session),
        "counts": counts,
        "attempts": attempts,
        "not_tried": [
            {"part": part, "tried": PARTS[part], "kind": kind, "why": why} for part, kind, why in excused(session)
        ],
    }


def _attempt(result: Result) -> dict[str, Any]:
    part = result.attempt.part
    return {
        "line": line_of(part),
        "part": part,
        "attempt": result.attempt.name,
        "tried": PARTS[part],
        "result": _ABSENT if result.absent else _ESCAPED if result.fault else _STOPPED,
        "answer": printable(result.answer.partition("\n")[0].strip()[:80]),
        "record": printable(result.record),
        "fault": printable(result.fault),
    }


def _print(told: dict[str, Any]) -> None:
    width = max(_LEAST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 0
    for area, lines in AREAS.items():
        click.echo(f"  {area}")
        for one in told["attempts"]:
            if one["line"] in lines:
                _line(one, width)
        for one in told["not_tried"]:
            if line_of(one["part"]) in lines:
                text = f"    - {one['part']:<4} {one['tried']}: {one['kind']}; {one['why']}"
                click.echo(click.style(text[: width or None], dim=True))
    counts = told["counts"]
    summary = (
        f"{counts[_STOPPED]} attempts stopped and on record, {counts[_ESCAPED]} not, {counts[_ABSENT]} not there to try"
    )
    click.echo(f"  {summary}; {told['fault'] or 'nothing reached the sinkhole but what rules allow'}")


def _line(one: dict[str, Any], width: int) -> None:
    mark, colour = _MARKS[one["result"]]
    name = one["attempt"].replace("_", " ")
    answer = one["answer"].replace("HTTP/1.1 ", "") or "nothing"
    what = one["fault"] or f"{answer}   {one['record']}"
    text = f" {one['part']:<4} {name:<40} {what}".rstrip()
    if width and not one["fault"] and len(text) > width - 5:
        text = text[: width - 6] + "…"
    click.echo(f"    {click.style(mark, fg=colour)}{text}")


def _order(part: str) -> tuple[int, str]:
    return line_of(part), part
