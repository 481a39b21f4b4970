"""`childproof run -- true`: from nothing to sealed, served and gone again.

Beside it, in turns, what mitmproxy alone costs: a bare Python that imports what we use of it and ends. The difference
is ours: command line, rules, store, sandbox, the command itself, and the process's end. Both run from bytecode, as an
installed package does; it is kept apart, so that neither a checkout's age nor PYTHONDONTWRITEBYTECODE counts.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.row import Row

ROUNDS = 11
STUBS = 10
DOCUMENT = Path(__file__).parent.parent / "tests/data/openapi/twilio-chat.json"
_RUN = (sys.executable, "-m", "childproof", "run", "--report", "none", "--", "true")
_BARE = (sys.executable, "-c", "import childproof.capture.mitm.lean")


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds that a process took from its start until it was gone: on the clock, and of all processors."""

    wall: float
    cpu: float


def rows() -> Iterator[Row]:
    """The whole command, the import of mitmproxy alone, and what is ours beyond it. Medians."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
        for command in (_RUN, _BARE):
            _take(command, folder, environ)  # writes the bytecode, the authority and the database
        rounds = [(_take(_RUN, folder, environ), _take(_BARE, folder, environ)) for _ in range(ROUNDS)]
    whole, bare = (statistics.median(taken.wall for taken in column) for column in zip(*rounds, strict=True))
    whole_cpu, bare_cpu = (statistics.median(taken.cpu for taken in column) for column in zip(*rounds, strict=True))
    yield Row("childproof run -- true", f"{whole * 1000:.0f} ms", "< 1000 ms")
    yield Row("  of it importing mitmproxy in a bare Python", f"{bare * 1000:.0f} ms")
    yield Row("  of it ours", f"{(whole - bare) * 1000:.0f} ms", "< 150 ms")
    yield Row("  its processor time, with the sandbox's beside it", f"{whole_cpu * 1000:.0f} ms")
    yield Row("  of it importing mitmproxy", f"{bare_cpu * 1000:.0f} ms")
    yield from _with_stubs()


def _with_stubs() -> Iterator[Row]:
    """The same with a folder of ten stubs beside the shipped ones, which no rule leads to."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
        for number in range(STUBS):
            made = (sys.executable, "-m", "childproof", "stubs", "new", f"stub-{number}", "--openapi", str(DOCUMENT))
            _take(made, folder, environ)
        more = (*_RUN[:4], "--stubs", f"{folder}/stubs", *_RUN[4:])
        for command in (_RUN, more):
            _take(command, folder, environ)
        rounds = [(_take(more, folder, environ).cpu, _take(_RUN, folder, environ).cpu) for _ in range(ROUNDS)]
    added = statistics.median(with_them - without for with_them, without in rounds)
    yield Row("  with ten stubs in a folder: processor time more", f"{added * 1000:.0f} ms", "< 100 ms")


def _take(command: Sequence[str], folder: str, environ: Mapping[str, str]) -> Taken:
    started = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, cwd=Path(folder), env=environ, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            sys.exit(errors.read().decode())
    return Taken(wall, usage.ru_utime + usage.ru_stime)
