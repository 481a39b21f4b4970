"""`childproof doctor`: what this machine supports, and which clients trust us, by trying."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from childproof.errors import CheckError
from childproof.sandbox.support import Support, probe
from childproof.sandbox.trust.clients import Trial, installed, rules_text, try_all

if TYPE_CHECKING:
    from childproof.sandbox.trust.workload import Finding as Proof

_MARKS = {True: ("✓", "green"), False: ("✗", "red")}
# Run by the sandboxed half of the doctor; standard output carries one JSON line a client.
_INSIDE = "from childproof.cli.doctor import inside; inside()"
_CHILDPROOF = "from childproof.cli.main import main; main()"


class Finding(msgspec.Struct, frozen=True):
    """One line of the report: what was tried, whether it works, and what that means or what to do."""

    subject: str
    works: bool
    note: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@click.option("--escape", is_flag=True, help="Try to get out instead, in every way that is known; some twenty seconds.")
@click.option(
    "--topology",
    "topologies",
    multiple=True,
    metavar="NAME",
    help="With --escape: only there, several times for several: sealed, explicit, pod or pod-defaults [default: all].",
)
@click.option("--workload", is_flag=True, help="Prove from inside a workload what is trusted and what is closed.")
@click.option(
    "--ca", metavar="FOLDER", help="With --workload: where childproof publishes [default: /run/childproof/ca]."
)
@click.option("--uid", type=int, default=15001, metavar="N", help="With --workload: the proxy's user [default: 15001].")
def doctor(
    *, as_json: bool, escape: bool, topologies: tuple[str, ...], workload: bool, ca: str | None, uid: int
) -> None:
    """Report what this machine supports and which clients trust us.

    Makes a sandbox and tries each client that is installed inside it, against a host that exists nowhere. Exits with 0
    where sealing works.

    With --escape, makes the attempts of the escape matrix beside a sinkhole of its own: nothing leaves the machine.
    Exits with 1 where something got out, or is not on record.

    With --workload, tries from in here, in a container beside the proxy for one: each client against a host that exists
    nowhere, and all that must be refused. Exits with 6 where something is open or not trusted.
    """
    if workload:
        from .doctor_workload import report as proved  # noqa: PLC0415 (the other halves need none of it)

        sys.exit(0 if proved(as_json=as_json, ca=ca, uid=uid) else CheckError.exit_code)
    if escape:
        from childproof.escape.topology import TOPOLOGIES  # noqa: PLC0415 (the other halves need none of it)

        from .escape import report as tried  # noqa: PLC0415

        for name in topologies:
            if name not in TOPOLOGIES:
                raise click.BadParameter(f"{name!r} is not one of {', '.join(TOPOLOGIES)}", param_hint="--topology")
        sys.exit(0 if tried(as_json=as_json, topologies=topologies) else 1)
    support = probe(sys.executable)
    machine = _machine(support)
    clients = iter(()) if support.refusal else map(_client, _try_clients())
    if as_json:
        report = {
            "sealed": not support.refusal,
            "machine": [msgspec.structs.asdict(finding) for finding in machine],
            "clients": [msgspec.structs.asdict(finding) for finding in clients],
        }
        click.echo(json.dumps(report, indent=2))
    else:
        print_findings("this machine", machine)
        if not support.refusal:
            print_findings("clients that trust childproof's certificates (each takes a second)", clients)
    sys.exit(1 if support.refusal else 0)


def inside() -> None:
    """The half that runs sealed in: try every client, one JSON line each."""
    with tempfile.TemporaryDirectory(prefix="childproof-doctor-") as folder:
        found = list(installed(os.environ, sys.executable))
        try_all(found, Path(folder), lambda trial: print(json.dumps(msgspec.structs.asdict(trial)), flush=True))


def _machine(support: Support) -> Iterator[Finding]:
    if support.refusal:
        yield Finding("sealing a command", works=False, note=support.refusal)
        return
    yield Finding("user, network, mount, process and IPC namespaces", works=True)
    yield Finding("redirection by nftables", works=True)
    yield Finding("IPv6", support.ipv6, "" if support.ipv6 else "IPv6 is off: inside, only IPv4 exists")
    yield Finding(
        "a record of refused UDP (NFLOG)",
        support.refusals_recorded,
        "" if support.refusals_recorded else "refused UDP leaves no entry: load the module nfnetlink_log",
    )
    for name, refusal in support.escapes:
        yield Finding(name, not refusal, refusal)


def _try_clients() -> Iterator[Trial]:
    """Run the other half through `childproof run` itself, so that what is tried is what a user gets."""
    with tempfile.TemporaryDirectory(prefix="childproof-doctor-") as folder:
        rules = Path(folder, "rules.yaml")
        rules.write_text(rules_text(), encoding="utf-8")
        command = [
            *(sys.executable, "-c", _CHILDPROOF, "run", "--rules", str(rules), "--db", ":memory:", "--report", "none"),
            *("--", sys.executable, "-c", _INSIDE),
        ]
        # From a folder of its own, so that no configuration of the working directory takes part.
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as process:  # noqa: S603
            assert process.stdout is not None
            for line in process.stdout:
                yield Trial(**json.loads(line))
        if process.returncode:
            yield Trial("childproof run", trusted=False, said=f"ended with {process.returncode}, see above")


def _client(trial: Trial) -> Finding:
    return Finding(trial.client, trial.trusted, "" if trial.trusted else trial.said)


def print_findings(title: str, findings: "Iterable[Finding | Proof]") -> None:
    """Print findings as they come, which for clients takes a second each."""
    click.echo(f"\n{title}")
    for finding in findings:
        mark, colour = _MARKS[finding.works]
        note = f"   {finding.note}" if finding.note else ""
        click.echo(f"  {click.style(mark, fg=colour)} {finding.subject}{note}")
