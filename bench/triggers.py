"""How many of the events that Stripe's own command line can trigger arrive: `python -m bench triggers`.

The command line comes from npm and runs sealed, with Stripe's host names. The events that didn't arrive are named below
the figure, with what it said.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.row import Row
from tests.npm import NoNpm
from tests.stripe_cli import VERSION, binary, events, trigger


def rows() -> Iterator[Row]:
    """The score, and the time for all; nothing where the command line can't be had."""
    try:
        stripe = binary()
    except NoNpm as missing:
        yield Row(f"stripe trigger, command line {VERSION}", f"not tried: {missing}")
        return
    with tempfile.TemporaryDirectory() as folder:
        names = events(stripe, Path(folder))
        started = time.perf_counter()
        found = trigger(stripe, names, Path(folder))
        seconds = time.perf_counter() - started
    for one in found:
        if not one.ok:
            print(f"  {one.event}: {one.why.strip()}", file=sys.stderr)
    yield Row("stripe trigger: events that arrive", f"{sum(one.ok for one in found)} of {len(names)}", f"{len(names)}")
    yield Row("  one after the other, with a list call before and after", f"{seconds:.0f} s")
