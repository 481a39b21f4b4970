"""deploy/kubernetes/shared, executed: two pods of one sandbox, and their proxy in a third."""

from typing import Any

import pytest

from tests.deploy.sessions import denied, session

pytestmark = pytest.mark.sealed


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return session("as_shared", tmp_path_factory.mktemp("shared"))


def test_both_pods_start_once_the_service_is_there(seen: dict[str, Any]) -> None:
    """Each gets the certificate from the Secret's certificate alone, and the redirection to the Service's address."""
    assert seen["proxy"] == 200, seen["log"]
    for workload in ("agent", "worker"):
        start = seen[f"{workload} start"]
        assert start["childproof-trust"] == start["childproof-init"] == 0, start


def test_both_live_in_one_world(seen: dict[str, Any]) -> None:
    """Each charged a card, and one of them lists both charges."""
    ids = [seen[workload][0]["id"] for workload in ("agent", "worker")]
    status, charges = seen["charges"]
    assert status == 200
    assert {charge["id"] for charge in charges["data"]} == set(ids)


def test_everything_else_is_refused_at_once(seen: dict[str, Any]) -> None:
    visitor = seen["visitor"]
    assert denied(visitor["denied"])
    assert denied(visitor["allowed"])  # these rules allow nothing
    assert visitor["ssh"] == visitor["metadata"] == "ECONNRESET"
    assert visitor["quic"] == "ECONNREFUSED"
    assert visitor["keys"] == visitor["proxys files"] == []


def test_only_the_proxy_hears_them(seen: dict[str, Any]) -> None:
    """On both pods' links: the init step's look-up of the Service, and from then on the listener's two ports."""
    assert set(seen["left"]) == {"DNS childproof-blue", "UDP 10.96.0.20:15053", "TCP 10.96.0.20:15001"}
    assert seen["names"] == ["childproof-blue"]


def test_all_end_within_their_grace(seen: dict[str, Any]) -> None:
    assert seen["stop"] == {"agent": {"agent": 0}, "worker": {"worker": 0}, "childproof": {"childproof": 0}}
