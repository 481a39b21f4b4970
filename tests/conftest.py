"""What holds for all tests: no test asserts on time, so neither do the property tests."""

import os

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
