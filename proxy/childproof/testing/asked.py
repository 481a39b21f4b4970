"""What pytest's fixtures ask for: the plugin itself must import nothing."""

from functools import cache
from typing import NoReturn

import pytest

from childproof.errors import ChildproofError

from .box import Box
from .options import options
from .tables import table


def box_for(request: pytest.FixtureRequest) -> Box:
    """A world as the test's markers have it, the nearest first; what no marker says is the project's."""
    __tracebackhide__ = True
    given: dict[str, object] = {}
    for marker in request.node.iter_markers("world"):
        if marker.args:
            _refused(f"@pytest.mark.world: {marker.args[0]!r} has no name; write for example seed=7")
        given = {**marker.kwargs, **given}
    config = request.config
    root = config.rootpath
    for key in ("rules", "stubs"):
        if key not in given and (set_for_all := config.getini(f"childproof_{key}")):
            given[key] = [root / one for one in set_for_all] if key == "stubs" else root / set_for_all
    try:
        wanted = options(given, [request.path.parent, root], f"{request.node.nodeid}: @pytest.mark.world")
        return Box(wanted, request.node.name)
    except ChildproofError as error:
        _refused(str(error))


def told(box: Box) -> list[tuple[str, str]]:
    """A section of a failed test's report: its world's calls."""
    try:
        calls = box.world.calls()
    except ChildproofError as error:
        return [("childproof", f"the calls can't be told: {error}\n{box.server.said()}")]
    return [(f"childproof: calls in world {box.world.name}", table(calls))] if calls else []


@cache
def why_unsealed() -> str:
    """Why this machine can't seal a command; empty where it can."""
    from childproof.sandbox.support import sealing_refusal  # noqa: PLC0415 (50 ms, for those who seal)

    return sealing_refusal()


def _refused(message: str) -> NoReturn:
    __tracebackhide__ = True
    pytest.fail(message, pytrace=False)
