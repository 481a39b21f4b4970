"""`childproof doctor --workload`: proofs from inside, in lines or as JSON."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from childproof.errors import ChildproofError
from childproof.sandbox.trust import amending
from childproof.sandbox.trust.amending import Published
from childproof.sandbox.trust.workload import Finding, closed
from childproof.sandbox.trust.workload_clients import bundled, trusting

from .doctor import print_findings

SCRIPT_NAME = "trust.sh"

# Where the certificate is: in a sidecar's volume, and in the sealed sandbox.
_PLACES = ((amending.USUAL, amending.CERT_NAME), ("/run/childproof", "ca.pem"))


def report(*, as_json: bool, ca: str | None, uid: int) -> bool:
    """Try everything and print it; whether all is closed and every client that is here trusts us.

    What packages bring is told beside that: most clients are led past it by variables.
    """
    published = _published(ca)
    folders = [*_states(), *((published.folder,) if published is not None else ())]
    shut: list[Finding] = []
    trusted: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="childproof-doctor-") as folder:
        closing = _kept(closed(uid=uid, folders=folders), shut)
        clients = _kept(trusting(Path(folder), published), trusted)
        if not as_json:
            print_findings("what is closed", closing)
            print_findings("what trusts childproof", clients)
        else:
            for _ in (*closing, *clients):
                pass
    bundles = list(bundled(published)) if published is not None else []
    if not as_json and bundles:
        print_findings("bundles of packages that hold the certificate (childproof trust --init amends them)", bundles)
    open_, distrusting = ([one.subject for one in found if not one.works] for found in (shut, trusted))
    wrapper = Path(published.folder, SCRIPT_NAME) if published is not None else None
    if distrusting and not as_json and wrapper and wrapper.exists() and "SSL_CERT_FILE" not in os.environ:
        print("\nthe start wrapper's variables aren't set here; to ask as the workload, which has them:")
        print(f"    write: sh {wrapper} -- childproof doctor --workload")
    if as_json:
        told = {
            "closed": not open_,
            "trusted": not distrusting,
            "containment": [msgspec.structs.asdict(one) for one in shut],
            "clients": [msgspec.structs.asdict(one) for one in trusted],
            "bundles": [msgspec.structs.asdict(one) for one in bundles],
        }
        print(json.dumps(told, indent=2))
    return not open_ and not distrusting


def _kept(findings: Iterable[Finding], into: list[Finding]) -> Iterator[Finding]:
    for one in findings:
        into.append(one)
        yield one


def _published(ca: str | None) -> Published | None:
    for folder, name in ((ca, amending.CERT_NAME),) if ca else _PLACES:
        try:
            return Published.read(folder, name)
        except (OSError, ValueError):
            continue
    return None


def _states() -> Iterator[str]:
    """Where a state folder would be, were it in reach."""
    from childproof.run.config.config import default_state_dir  # noqa: PLC0415 (for this alone)

    try:
        yield str(default_state_dir(os.environ))
    except ChildproofError:
        return
