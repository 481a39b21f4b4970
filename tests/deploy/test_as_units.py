"""deploy/systemd, executed: the units' own commands with what their directives give, without systemd."""

from pathlib import Path
from typing import Any

import pytest

from tests.deploy.sessions import denied, session

pytestmark = pytest.mark.sealed


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The life of the sandbox `main`."""
    return session("as_units", tmp_path_factory.mktemp("units"))


def test_the_units_commands_work(seen: dict[str, Any]) -> None:
    """The namespace is made, the redirection and its check end with 0, the proxy gets ready; and all of it goes again."""
    assert set(seen["sandbox"]) == {0}
    assert [code for code, _ in seen["init"]] == [0, 0], seen["init"]
    assert seen["ready"] == 0, seen["log"]
    assert seen["gone"] == [0]


def test_the_agent_is_answered(seen: dict[str, Any]) -> None:
    charged, refused = seen["agent"]
    assert charged["charged"] == 200
    assert refused == {"refused": 403, "rule": None}
    assert denied(seen["visitor"]["denied"])


def test_everything_else_is_refused_at_once(seen: dict[str, Any]) -> None:
    assert seen["visitor"]["ssh"] == "ECONNRESET"
    assert seen["visitor"]["quic"] == "ECONNREFUSED"
    assert seen["visitor"]["ssh6"] == seen["visitor"]["quic6"] == "ENETUNREACH"


def test_only_the_proxy_hears_the_agent(seen: dict[str, Any]) -> None:
    """On its link there are the proxy's two ports and nothing else."""
    assert set(seen["left"]) == {"UDP 10.83.0.1:15053", "TCP 10.83.0.1:15001"}


def test_the_agent_has_what_its_unit_gives_it_and_no_more(seen: dict[str, Any]) -> None:
    visitor = seen["visitor"]
    assert visitor["proxys user"] == visitor["raw"] == "EPERM"
    assert visitor["certificate"] == "EROFS"
    assert visitor["proxys files"] == visitor["keys"] == []


def test_a_stopped_proxy_leaves_nothing_open(seen: dict[str, Any]) -> None:
    assert seen["stop"] == {"agent": 0, "childproof": 0}
    assert seen["after"]["tcp"] == seen["after"]["udp"] == "ECONNREFUSED"


def test_an_agent_whose_redirection_fails_is_not_started(tmp_path: Path) -> None:
    """Without NET_ADMIN the unit fails, and the agent's requires it."""
    failed = session("as_units", tmp_path, "init-fails")
    assert [code for code, _ in failed["init"]] == [5]
    assert "agent" not in failed
