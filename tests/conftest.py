"""What holds for all tests: no test asserts on time, so neither do the property tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Commands that tests start run from bytecode, as installed ones do: without it, each takes a second to compile what it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

settings.register_profile("childproof", deadline=None)
settings.load_profile("childproof")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many workers again as there are processors: a third of the time, tests wait for processes and namespaces."""
    return len(os.sched_getaffinity(0)) * 3 // 2


QUICK = ("fuzz", "rules", "stubs", "unit")  # folders whose tests take milliseconds; those of the others start processes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin each worker's share with files that take long, and end it with quick tests: those are what others can take over.

    A share is what `--dist worksteal` gives a worker at first. Files stay together: their tests have set-up in common.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    files: dict[Path, list[pytest.Item]] = {}
    quick: list[pytest.Item] = []
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        (quick if folder in QUICK else files.setdefault(item.path, [])).append(item)
    longest = sorted(files.values(), key=lambda file: not any(item.get_closest_marker("slow") for item in file))
    left, ordered = len(items), list[pytest.Item]()
    for worker in range(workers):
        begins = [item for file in longest[worker::workers] for item in file]
        share = left // (workers - worker)
        rest = max(0, share - len(begins))
        ordered += begins + quick[:rest]
        quick, left = quick[rest:], left - share
    items[:] = ordered + quick
