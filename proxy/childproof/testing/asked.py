"""What pytest's fixtures ask for: the plugin itself must import nothing."""

import pytest

from childproof.errors import ChildproofError, InputError

from .box import Box
from .options import Options, options
from .tables import table


def box_for(request: pytest.FixtureRequest) -> Box:
    """A world as the test's markers have it, the nearest first; what no marker says is the project's."""
    __tracebackhide__ = True
    try:
        return Box(_wanted(request), request.node.name)
    except ChildproofError as error:
        said = str(error)
    pytest.fail(said, pytrace=False)


def _wanted(request: pytest.FixtureRequest) -> Options:
    given: dict[str, object] = {}
    for marker in request.node.iter_markers("world"):
        if marker.args:
            raise InputError.single("@pytest.mark.world", f"{marker.args[0]!r} without a name", "keywords", "seed=7")
        given = {**marker.kwargs, **given}
    config = request.config
    root = config.rootpath
    for key in ("rules", "stubs"):
        if key not in given and (set_for_all := config.getini(f"childproof_{key}")):
            given[key] = [root / one for one in set_for_all] if key == "stubs" else root / set_for_all
    return options(given, [request.path.parent, root], f"{request.node.nodeid}: @pytest.mark.world")


def told(box: Box) -> list[tuple[str, str]]:
    """A section of a failed test's report: its world's calls."""
    try:
        calls = box.world.calls()
    except ChildproofError as error:
        return [("childproof", f"the calls can't be told: {str(error).partition(chr(10))[0]}")]
    return [(f"childproof: calls in world {box.world.name}", table(calls))] if calls else []
