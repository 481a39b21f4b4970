"""The page docs/escapes.md, made from the table: `python -m tests.escape.table > docs/escapes.md`."""

import sys
from collections.abc import Iterator

from childproof.escape import attempts
from childproof.escape.lines import AREAS, LINES
from childproof.escape.table import ATTEMPTS, Absent, Attempt, Closed, Elsewhere, Ending, Open
from childproof.escape.topology import TOPOLOGIES

assert attempts.__all__  # importing them fills the table

HEAD = """# The escape matrix

What was tried to get out, line by line: in each topology, as root and as an ordinary user. This page is made from the table of
attempts in `childproof.escape` that the tests (`tests/escape/test_matrix.py`) and

```
childproof doctor --escape                  # on this machine, beside a sinkhole of its own; some twenty seconds
childproof doctor --escape --topology pod   # only there
childproof doctor --escape --json
```

read too. A test fails where the page and the table differ, and where a part has no attempt.

- **closed**: a client made the attempts, {count} in all, beside a sinkhole: a network namespace to which all routes lead, and which
  records every name asked for, every connection and every byte. It saw nothing but the requests that a rule of the test allows, the
  client saw a refusal in its own protocol's words, and the ledger has an entry that says what was tried. Where no call is made (a
  socket that can't be had, a file that is not there) there is nothing to record.
- **held**: it takes more than a client (a proxy that is killed, a stub that raises); the test under the table tries it.
- **open**: it can't be closed in that topology; why stands under the table.
- **none**: there is nothing to try there; why stands under the table.

The doctor makes the attempts that are *closed*: it starts a sandbox and a proxy in namespaces that lead nowhere, sends nothing off the
machine, prints what each attempt saw and what the ledger recorded, and exits with 1 where something got out or is not on record.
Where the kernel gives no namespaces, it says so and exits with 1. A pod takes root: its containers have users of their own. They are
made by the kernel's own calls, in the order of a manifest (init step, sidecar, app), with no container engine: each has mounts,
processes and IPC of its own, and all share one network namespace. In a pod, `root` and `ordinary` are the client's container's user.

| topology | is |
|---|---|
{topologies}
"""


def cell(endings: list[Ending], notes: dict[str, int]) -> str:
    """One cell: what holds, with numbers for what has to be said about it."""
    words: list[str] = []
    for kind, word in ((Closed, "closed"), (Elsewhere, "held"), (Open, "open"), (Absent, "none")):
        found = [ending for ending in endings if isinstance(ending, kind)]
        why = {
            ending.test if isinstance(ending, Elsewhere) else ending.why
            for ending in found
            if not isinstance(ending, Closed)
        }
        marks = ", ".join(str(notes.setdefault(reason, len(notes) + 1)) for reason in sorted(why))
        if found:
            words.append(f"{word} [{marks}]" if marks else word)
    return "; ".join(words)


def lines() -> Iterator[str]:
    columns = [(topology, user) for topology in TOPOLOGIES.values() for user in topology.users]
    made = sum(attempt.make is not None for attempt in ATTEMPTS.values())
    topologies = "\n".join(f"| {one.name} | {one.about} |" for one in TOPOLOGIES.values())
    yield HEAD.format(count=made, topologies=topologies)
    for area, numbers in AREAS.items():
        notes: dict[str, int] = {}
        yield f"## {area}\n"
        yield "| line | tried | " + " | ".join(f"{topology.name}, {user}" for topology, user in columns) + " |"
        yield "|---|---|" + "---|" * len(columns)
        for number in numbers:
            for letter, text in LINES[number].items():
                rows = [attempt for attempt in ATTEMPTS.values() if attempt.part == f"{number}{letter}"]
                cells = [cell(endings(rows, topology.name), notes) for topology, _ in columns]
                yield f"| {number}{letter} | {escaped(text)} | " + " | ".join(cells) + " |"
        yield ""
        yield from (f"{number}. {note(reason)}" for reason, number in notes.items())
        yield ""


def endings(rows: list[Attempt], topology: str) -> list[Ending]:
    return [row.endings[TOPOLOGIES[topology].manner] for row in rows]


def note(reason: str) -> str:
    return f"`{reason}`" if reason.startswith("tests/") else f"{reason[0].upper()}{reason[1:]}."


def escaped(text: str) -> str:
    return text.replace("|", "\\|")


def page() -> str:
    return "\n".join(lines()).rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
