"""One session: all attempts in one topology as one user, beside the sinkhole; and what came of each of them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from childproof.errors import ChildproofError
from childproof.ledger import Entry, Ledger
from childproof.world import Store

from . import attempts
from .lines import line_of
from .outside import NOBODY
from .sinkhole import expected
from .table import ATTEMPTS, Absent, Attempt, Closed, Elsewhere, Open
from .topology import TOPOLOGIES, USERS

assert attempts.__all__  # importing them fills the table
__all__ = ["USERS", "NoNamespaces", "Result", "Session", "excused", "results", "run_group", "run_session", "whole"]
_SECONDS = 120


class NoNamespaces(Exception):
    """This machine gives no namespaces to try in; the kernel's words."""


class Session(msgspec.Struct, frozen=True):
    """What a session left behind.

    `frames` are those that arrived at the sinkhole, `requests` what reached its host, `control` the frames that show
    that it was awake. `code` is the session's exit code, `said` what it printed to standard error.
    """

    topology: str
    user: str
    answers: dict[str, str]
    entries: tuple[Entry, ...]
    frames: tuple[str, ...]
    requests: tuple[str, ...]
    control: tuple[str, ...]
    code: int
    said: str

    @property
    def leaked(self) -> tuple[str, ...]:
        """The frames that no rule allows."""
        return tuple(frame for frame in self.frames if not expected(frame))


class Result(msgspec.Struct, frozen=True):
    """What one attempt came to: `fault` is empty where it was stopped and is on record, `absent` where it can't be made.

    `record` is the entry that tells of it, as `target · reason`.
    """

    attempt: Attempt
    answer: str
    record: str = ""
    fault: str = ""
    absent: bool = False


def run_session(topology: str, user: str) -> Session:
    """Make all attempts: a few seconds. Raises NoNamespaces, or ChildproofError where it takes far too long."""
    with tempfile.TemporaryDirectory(prefix="childproof-escape-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        options = []
        chosen = TOPOLOGIES[topology]
        if chosen.needs_root and os.getuid() != 0:
            raise NoNamespaces("only root can make the users and containers of a pod")
        if user == "ordinary" and not chosen.needs_root:
            nobody = os.getuid() == 0 and _nobody_can_run(folder)
            options = ["--nobody" if nobody else "--ordinary"]
            if nobody:
                shutil.chown(folder, NOBODY, NOBODY)
        # Settings of the caller's are not what is tried.
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CHILDPROOF_")}
        session = [sys.executable, "-m", "childproof.escape.topology", topology, user, name]
        done = run_group(
            [sys.executable, "-m", "childproof.escape.outside", *options, *session], folder, environ, _SECONDS
        )
        if done.returncode:
            raise NoNamespaces(done.stderr.strip())
        *lines, last = done.stdout.splitlines()
        seen = json.loads(last)
        return Session(
            topology,
            user,
            _answers(lines),
            _entries(folder / chosen.db),
            tuple(seen["during"]),
            tuple(seen["requests"]),
            tuple(seen["control"]),
            seen["code"],
            done.stderr,
        )


def run_group(
    command: Sequence[str], folder: Path, environ: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a command, and end all that it started where it takes longer. Raises ChildproofError then."""
    with subprocess.Popen(  # noqa: S603
        command,
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException as error:  # Ctrl-C too: a session of its own doesn't get it
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise ChildproofError(f"the attempts took longer than {seconds:g} s and were ended") from None
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def results(session: Session) -> list[Result]:
    """What each attempt of the session came to, in the table's order."""
    manner = TOPOLOGIES[session.topology].manner
    found = []
    for attempt in ATTEMPTS.values():
        ending = attempt.endings[manner]
        if isinstance(ending, Closed) and attempt.make is not None:
            found.append(_result(session, attempt, ending))
    return found


def excused(session: Session) -> list[tuple[str, str, str]]:
    """What a session has no attempt for, as (part, `open`, `absent` or `elsewhere`, why), in the matrix' order."""
    manner = TOPOLOGIES[session.topology].manner
    found: dict[tuple[str, str, str], None] = {}
    for attempt in ATTEMPTS.values():
        match attempt.endings[manner]:
            case Open(why):
                found[attempt.part, "open", why] = None
            case Absent(why):
                found[attempt.part, "absent", why] = None
            case Elsewhere(test):
                found[attempt.part, "elsewhere", f"held by {test}"] = None
            case Closed():
                pass
    return sorted(found, key=lambda one: (line_of(one[0]), one))


def whole(session: Session) -> str:
    """What is wrong with the session as a whole; empty where nothing is."""
    manner = TOPOLOGIES[session.topology].manner
    endings = (attempt.endings[manner] for attempt in ATTEMPTS.values())
    due = Counter(request for ending in endings if isinstance(ending, Closed) for request in ending.reached)
    got = Counter(session.requests)
    if session.code:
        return f"the session ended with {session.code}: {session.said.strip()[-500:]}"
    if session.leaked:
        return f"the sinkhole saw {', '.join(session.leaked)}"
    if got - due:
        return f"an allowed host got {', '.join((got - due).elements())}"
    if not session.control:
        return "the sinkhole slept"
    return ""


def _result(session: Session, attempt: Attempt, ending: Closed) -> Result:
    answer = session.answers.get(attempt.name, "nothing: the session ended before")
    if answer.startswith(ending.unless) and ending.unless:
        return Result(attempt, answer, absent=True)
    told = [entry for entry in session.entries if ending.record in f"{entry.target} · {entry.reason}"]
    fitting = [entry for entry in told if entry.verdict == ending.verdict]
    record = f"{fitting[-1].target} · {fitting[-1].reason}" if ending.record and fitting else ""
    fault = ""
    missing = Counter(ending.reached) - Counter(session.requests)
    if not answer.startswith(ending.answers):
        fault = f"the client saw {answer[:200]!r}"
    elif ending.record and not fitting:
        verdicts = {entry.verdict for entry in told}
        fault = f"no entry with {ending.record!r} is a {ending.verdict}" + (f", but {verdicts}" if told else "")
    elif missing:
        fault = f"{', '.join(missing.elements())} did not arrive"
    return Result(attempt, answer, record, fault)


def _answers(lines: Sequence[str]) -> dict[str, str]:
    for line in reversed(lines):
        if line.startswith("{"):
            answers: dict[str, str] = json.loads(line)
            return answers
    return {}


def _entries(file: Path) -> tuple[Entry, ...]:
    if not file.exists():
        return ()
    with Store.open(str(file), wall=lambda: 0, readonly=True) as store:
        return tuple(Ledger(store.connection, lock=store.lock).entries())


def _nobody_can_run(folder: Path) -> bool:
    """Whether the user nobody may read this Python and childproof: then it is a user of its own, not only a name."""
    command = [sys.executable, "-c", "import childproof.cli.main"]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0
