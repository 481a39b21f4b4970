"""What a world file plants at GitHub is there for PyGithub: organizations with members, repositories with files and issues."""

from collections.abc import Iterator
from pathlib import Path

import github
import pytest

from childproof.errors import InputError
from childproof.run.planting import grow
from childproof.stubkit.stub import Stub
from tests.stubs.inprocess import START, shipped_catalog, world_of

from .conftest import Api, InProcess, hub

FILE = """
world: dev
seed: 7
clock: {start: 2026-01-05T09:00:00Z, run: frozen}
people: {count: 6, given: [{name: Jenny Rosen, login: jenny}]}
github:
  organizations: [{login: acme, name: Acme Inc., members: 3}]
  repositories:
    - {name: acme/shop, description: A shop, topics: [web], files: {src/app.py: "print(1)\\n"}, issues: [The cart is empty]}
    - {name: notes, private: true}
"""


@pytest.fixture
def planted(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[github.Github]:
    with world_of(FILE, tmp_path) as world:
        wire = InProcess(Api(stub, world))
        monkeypatch.setattr("requests.Session.get_adapter", lambda *_, **__: wire)
        yield hub("ghp_childproof")


def test_it_is_there(planted: github.Github):
    """Owned by the world's first person, as every service calls her."""
    me = planted.get_user()
    assert (me.login, me.name) == ("jenny", "Jenny Rosen")
    assert len(list(planted.get_organization("acme").get_members())) == 3
    shop = planted.get_repo("acme/shop")
    assert shop.get_contents("src/app.py").decoded_content == b"print(1)\n"
    assert [(one.title, one.user.login) for one in shop.get_issues()] == [("The cart is empty", "jenny")]
    assert (shop.get_topics(), shop.description) == (["web"], "A shop")
    assert planted.get_repo("jenny/notes").private


def test_a_name_that_is_none_is_refused(tmp_path: Path):
    """With its place, before anything is planted."""
    file = tmp_path / "dev.yaml"
    file.write_text("world: dev\ngithub: {repositories: [{name: a/b/c}]}\n")
    with pytest.raises(InputError) as caught, grow(file, shipped_catalog(), lambda: START):
        pass
    assert "'a/b/c'; expected a name, or owner/name" in str(caught.value)
