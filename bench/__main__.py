"""`python -m bench [NAME …]`: run the benchmarks one after the other and print one table.

A benchmark is a module of this package with `rows() -> Iterable[Row]`.
"""

import importlib
import os
import platform
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.row import Row

MODULES = (
    "rules",
    "reload",
    "guard",
    "stripe_stub",
    "calls",
    "lists",
    "world",
    "worlds",
    "seeds",
    "start",
    "serve",
    "https",
    "leaves",
    "throughput",
    "memory",
    "control",
    "triggers",
    "plugin",
    "git",
)

LONG = ("flat", "documents")  # by name only


def main(names: list[str]) -> None:
    """Run the benchmarks named, or all; print each row as soon as it is measured."""
    unknown = [name for name in names if name not in MODULES + LONG]
    if unknown:
        sys.exit(f"bench: no benchmark named {', '.join(unknown)}; there are: {', '.join(MODULES + LONG)}")
    cores = os.cpu_count()
    print(f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {cores} cores", flush=True)
    print(f"\n{'what':<62} {'measured':>14} {'to reach':>14}\n{'-' * 92}", flush=True)
    for name in names or MODULES:
        rows: Iterable[Row] = importlib.import_module(f"bench.{name}").rows()
        for row in rows:
            print(f"{row.what:<62} {row.measured:>14} {row.target:>14}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
