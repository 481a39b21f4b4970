"""deploy/compose, executed: what `docker compose up` asks of an engine, done by the kernel's own means, without one."""

from pathlib import Path
from typing import Any

import pytest

from tests.deploy.sessions import CONFINED, confinement, denied, session

pytestmark = pytest.mark.sealed


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """compose.yaml: the proxy is the agent's only neighbour."""
    return session("as_compose", tmp_path_factory.mktemp("compose"), "compose.yaml")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """compose.shared.yaml: the proxy is in the agent's namespace."""
    return session("as_compose", tmp_path_factory.mktemp("shared"), "compose.shared.yaml")


@pytest.fixture(params=["neighbour", "shared"])
def seen(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.getfixturevalue(request.param)
    return found


def test_everything_comes_up_in_the_order_of_depends_on(seen: dict[str, Any]) -> None:
    """The redirection verified itself, and the health check holds."""
    assert seen["up"] is True, (seen["log"], seen["redirection"])
    assert seen["codes"] == {"redirection": 0}


def test_the_agent_is_answered(seen: dict[str, Any]) -> None:
    """The stub charges, the rest is denied; it trusts the certificate by its start wrapper."""
    charged, refused = seen["agent"]
    assert charged["charged"] == 200
    assert refused == {"refused": 403, "rule": None}


def test_everything_else_is_refused_at_once(seen: dict[str, Any]) -> None:
    visitor = seen["visitor"]
    assert denied(visitor["denied"])
    assert visitor["ssh"] == "ECONNRESET"
    assert visitor["quic"] == "ECONNREFUSED"
    assert visitor["ssh6"] == visitor["quic6"] == "ENETUNREACH"  # neither network has IPv6


def test_the_agent_has_what_the_file_gives_it_and_no_more(seen: dict[str, Any]) -> None:
    assert confinement(seen["visitor"]) == CONFINED


def test_changed_rules_are_read(seen: dict[str, Any]) -> None:
    """An editor's way to save, in the mounted folder."""
    assert denied(seen["after the change"]["answer"])


def test_both_end_within_their_grace(seen: dict[str, Any]) -> None:
    assert seen["stop"] == {"agent": 0, "childproof": 0}


def test_only_the_proxy_hears_the_agent(neighbour: dict[str, Any]) -> None:
    """On the wire of its network there are its two ports and nothing else, although the network has a gateway's address."""
    assert set(neighbour["left"]) == {"UDP 10.83.0.2:15053", "TCP 10.83.0.2:15001"}


def test_dockers_resolver_hears_nothing_of_the_agent(neighbour: dict[str, Any]) -> None:
    """In the sandbox the init step asked it for the proxy's name, and nobody else anything; the proxy's own has what is allowed."""
    assert neighbour["names"] == {"sandbox": ["childproof"], "childproof": ["docs.readthedocs.io"]}


def test_in_one_namespace_only_the_proxys_look_up_leaves(shared: dict[str, Any]) -> None:
    """At the name server that the proxy's own file names; Docker's is asked by nobody."""
    assert shared["left"] == ["DNS docs.readthedocs.io"]
    assert shared["names"]["sandbox"] == []


def test_while_the_proxy_is_down_all_is_refused(neighbour: dict[str, Any]) -> None:
    """And when it is back, at the same address, all is as before."""
    assert neighbour["first stop"] == 0
    down = neighbour["while it is down"]
    assert down["tcp"] == down["udp"] == "ECONNREFUSED"
    assert down["name"] != "done"
    assert neighbour["healthy again"] is True
    assert denied(neighbour["when it is back"]["answer"])


def test_an_agent_whose_redirection_fails_does_not_start(tmp_path: Path) -> None:
    """Without NET_ADMIN the step doesn't end with 0, which is what the agent waits for."""
    failed = session("as_compose", tmp_path, "compose.yaml", "init-fails")
    assert failed["up"] is False
    assert failed["codes"] == {"redirection": 5}
    assert "agent" not in failed["running"]
