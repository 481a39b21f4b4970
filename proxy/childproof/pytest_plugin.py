"""pytest's fixtures: a fresh world per test, commands sealed in it, and the test's own HTTP clients led there.

Installed with childproof and imported by every pytest run: so nothing of ours is imported before a fixture is used.
"""

import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from childproof.testing import Box, World

_BOX = pytest.StashKey["Box"]()
_MARK = "world(seed, clock, rules, stubs, file, from_): what the test's world is like; docs/testing.md of childproof has the keys"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Settings of a whole project."""
    parser.addini("childproof_rules", "The rule file of all worlds that name none, from the root directory.")
    parser.addini("childproof_stubs", "Folders of stubs besides those that ship.", type="args")


def pytest_configure(config: pytest.Config) -> None:
    """The marker, for --strict-markers and --markers."""
    config.addinivalue_line("markers", _MARK)


def pytest_unconfigure() -> None:
    """Nothing is left when pytest ends."""
    server = sys.modules.get("childproof.testing.server")
    if server is not None:
        server.close_all()


@pytest.fixture
def _childproof_box(request: pytest.FixtureRequest) -> "Iterator[Box]":
    from childproof.testing.asked import box_for  # noqa: PLC0415 (what isn't used costs nothing)

    with box_for(request) as box:
        request.node.stash[_BOX] = box
        yield box


@pytest.fixture
def world(_childproof_box: "Box") -> "World":
    """A fresh world, for this test alone: its calls, mail, entities and clock, and what they are to be."""
    return _childproof_box.world


@pytest.fixture
def intercepted(_childproof_box: "Box") -> "Iterator[World]":
    """The test's own HTTP clients, led into its world by the environment (proxy and certificates) while it runs."""
    with _childproof_box.intercepting() as led:
        yield led


@pytest.fixture
def sandbox(_childproof_box: "Box") -> "Box":
    """`sandbox.run(["python", "agent.py"])`: a command that has no way out but into the test's world."""
    from childproof.testing.sealing import why_unsealed  # noqa: PLC0415

    if reason := why_unsealed():
        pytest.skip(reason)
    return _childproof_box


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the calls were, below a test that failed and whose message doesn't have them already."""
    report = yield
    box = item.stash.get(_BOX, None)
    if box is not None and report.when != "teardown" and report.failed and call.excinfo is not None:
        last = Path(str(call.excinfo.traceback[-1].path)).parent
        if last != Path(__file__).with_name("testing") or not isinstance(call.excinfo.value, AssertionError):
            from childproof.testing.asked import told  # noqa: PLC0415

            report.sections += told(box)
    return report
