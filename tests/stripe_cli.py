"""Stripe's own command line against the stub: `stripe trigger EVENT`, and whether the event is there afterwards.

What it triggers, and by which calls, is inside its binary: nothing here knows it. It runs sealed, with its own host names.
"""

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.npm import NoNpm, package

VERSION = "1.52.0"
_ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64"}
_QUIET = {"STRIPE_CLI_TELEMETRY_OPTOUT": "1"}

# Names that are the command line's and no event type: regional variants, and the invoice events of a subscription.
_TYPES = {
    "subscription.payment_failed": "invoice.payment_failed",
    "subscription.payment_succeeded": "invoice.payment_succeeded",
}

# Runs inside the sandbox. Told: the binary, then names with the type to look for. Writes a JSON line for each.
_INSIDE = """
import base64, json, subprocess, sys, time, urllib.request
binary, *wanted = sys.argv[1:]
KEY = "sk_test_childproof"
PATIENCE = 10  # seconds: bank debits and reports are not done at once
HEADERS = {"Authorization": "Basic " + base64.b64encode(KEY.encode() + b":").decode()}

def newest(kind):
    url = f"https://api.stripe.com/v1/events?limit=1&type={kind}"
    with urllib.request.urlopen(urllib.request.Request(url, headers=HEADERS), timeout=60) as reply:
        found = json.load(reply)["data"]
    return found[0]["id"] if found else None

for name, kind in (one.split("=") for one in wanted):
    try:
        before = newest(kind)
        done = subprocess.run([binary, "trigger", name, "--api-key", KEY], capture_output=True, text=True, timeout=120)
        after = newest(kind)
        until = time.monotonic() + PATIENCE
        while done.returncode == 0 and after == before and time.monotonic() < until:
            time.sleep(0.25)
            after = newest(kind)
        said = done.stdout + done.stderr
        ok = done.returncode == 0 and after is not None and after != before
        why = "" if ok else f"exit {done.returncode}, " + ("no such event" if after in (None, before) else after) + chr(10) + said
    except Exception as error:
        ok, why = False, f"{type(error).__name__}: {error}"
    print(json.dumps({"event": name, "type": kind, "ok": ok, "why": why}), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Triggered:
    """What came of one event; `why` is empty where it arrived, else what the command line said."""

    event: str
    type: str
    ok: bool
    why: str


def binary() -> Path:
    """Stripe's command line, from npm. Raises NoNpm where it can't be had."""
    machine = _ARCHITECTURES.get(platform.machine())
    if machine is None or not sys.platform.startswith("linux"):
        raise NoNpm(f"no binary of it for {sys.platform} {platform.machine()}")
    folder = package("@stripe/cli", VERSION)
    return folder.parent / f"cli-linux-{machine}" / "bin" / "stripe"


def events(stripe: Path, home: Path) -> list[str]:
    """All events that it can trigger, as its help lists them."""
    environment = {**_QUIET, "HOME": str(home)}
    done = subprocess.run([stripe, "trigger", "--help"], env=environment, capture_output=True, text=True, check=True)
    return re.findall(r"^  ([a-z_0-9]+\.[a-z_.0-9]+)$", done.stdout, re.MULTILINE)


def trigger(stripe: Path, names: Sequence[str], folder: Path) -> list[Triggered]:
    """Trigger events one after the other in one sealed run, whose store stays in `folder` as childproof.db.

    An event counts when the command line ends well and an event of its type is there that wasn't before.
    """
    wanted = [f"{name}={_type(name)}" for name in names]
    command = [
        sys.executable,
        "-m",
        "childproof",
        "run",
        "--report",
        "none",
        "--",
        sys.executable,
        "-c",
        _INSIDE,
        str(stripe),
    ]
    environment = {**os.environ, **_QUIET, "HOME": str(folder)}
    done = subprocess.run(
        [*command, *wanted], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=1800
    )
    found = [Triggered(**json.loads(line)) for line in done.stdout.splitlines() if line.startswith('{"event"')]
    if len(found) != len(names):
        raise RuntimeError(f"{len(found)} of {len(names)} events were tried; exit {done.returncode}\n{done.stderr}")
    return found


def _type(name: str) -> str:
    return _TYPES.get(name, name.removesuffix(".eu").removesuffix(".gb"))
