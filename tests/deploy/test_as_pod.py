"""deploy/kubernetes, executed: one pod of the shipped manifest, made as a kubelet makes it, without Kubernetes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.sessions import CONFINED, confinement, denied, session

KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"

pytestmark = pytest.mark.sealed


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The whole life of a pod of overlays/kept: the base, with a mounted CA and a claim for the state."""
    return session("as_pod", tmp_path_factory.mktemp("pod"), str(KUBERNETES / "overlays" / "kept"))


def test_the_pod_starts_in_the_manifests_order(seen: dict[str, Any]) -> None:
    """The init step ends with 0, the sidecar's start-up probe holds, and only then is the agent started."""
    assert seen["start"]["childproof-init"] == 0, seen["start"]
    assert seen["start"]["childproof"] == 200, seen["log"]


def test_nothing_leaves_before_the_proxy_is_up(seen: dict[str, Any]) -> None:
    """A closed port refuses."""
    assert seen["before"] == {"tcp": "ECONNREFUSED", "udp": "ECONNREFUSED"}


def test_the_agent_of_the_manifest_is_answered(seen: dict[str, Any]) -> None:
    """It trusts the published certificate by its start wrapper; the stub charges, the rest is denied."""
    charged, refused = seen["agent"]
    assert charged["charged"] == 200
    assert charged["id"].startswith("ch_")
    assert refused == {"refused": 403, "rule": None}


def test_a_stub_of_a_configmap_keeps_state(seen: dict[str, Any]) -> None:
    """Keys without slashes became a stub's folder."""
    status, made = seen["visitor"]["made"]
    assert status == 201
    assert [one["id"] for one in seen["visitor"]["listed"][1]["items"]] == [made["id"]]


def test_mail_is_answered(seen: dict[str, Any]) -> None:
    """By its port, since SMTP names no host."""
    assert seen["mail"] == {"refused": {}}


def test_the_start_wrapper_proves_it_from_inside(seen: dict[str, Any]) -> None:
    """curl, git, OpenSSL, Python and whatever else is installed trust the certificate; what must be closed is."""
    code, printed = seen["proof"]
    assert code == 0, printed
    assert "python trusts childproof" in printed
    assert "not the proxy's user" in printed


def test_everything_else_is_refused_at_once(seen: dict[str, Any]) -> None:
    visitor = seen["visitor"]
    assert denied(visitor["denied"])
    assert visitor["ssh"] == visitor["ssh6"] == "ECONNRESET"
    assert visitor["quic"] == visitor["quic6"] == "ECONNREFUSED"


def test_what_left_the_pod_is_what_a_rule_allowed(seen: dict[str, Any]) -> None:
    """Of all that was tried, the node saw one look-up, by the proxy, for the one host that is allowed."""
    assert seen["left"] == ["DNS docs.readthedocs.io"]


def test_the_agent_has_what_the_manifest_gives_it_and_no_more(seen: dict[str, Any]) -> None:
    """Its user, no capability, its own /tmp; the certificate read-only; no file of the proxy's, and no key."""
    assert confinement(seen["visitor"]) == CONFINED


def test_a_changed_configmap_is_read(seen: dict[str, Any]) -> None:
    """Kubernetes leads `..data` to a new folder; the running proxy takes it over, and a faulty one leaves all as it was."""
    assert denied(seen["after the change"]["answer"])
    assert denied(seen["after a faulty change"]["answer"])
    assert any("broken" in line for line in seen["log"])


def test_probes_and_metrics_answer_the_node(seen: dict[str, Any]) -> None:
    """Connections that begin outside pass the redirection."""
    assert seen["probes"] == [200, 200]
    status, text = seen["metrics"]
    assert status == 200
    assert 'stub="stripe"' in text


def test_the_label_names_the_world(seen: dict[str, Any]) -> None:
    """The downward API's file is the world of the pod's calls."""
    events = [json.loads(line) for line in seen["log"] if line.startswith("{")]
    assert [event["worlds"] for event in events if event["event"] == "ready"] == [["main"]]


def test_operators_read_the_ledger_in_the_sidecar(seen: dict[str, Any]) -> None:
    """The image's configuration is the mounted one, so that `kubectl exec` needs no options."""
    assert seen["exec"]["childproof health"][0] == 0
    code, printed = seen["exec"]["childproof log --json"]
    assert code == 0
    calls = [json.loads(line) for line in printed.splitlines()]
    assert {call["stub"] for call in calls if call["verdict"] == "stub"} == {"stripe", "crm", "email"}
    code, certificate = seen["exec"]["childproof ca print"]
    assert (code, certificate.count("BEGIN CERTIFICATE")) == (0, 1)
    assert "PRIVATE" not in certificate


def test_the_sidecar_ends_after_the_agent_within_its_grace(seen: dict[str, Any]) -> None:
    """Both with 0, and nothing unrecorded."""
    assert seen["stop"] == {"agent": 0, "childproof": 0}
    [report] = [json.loads(line)["report"] for line in seen["log"] if '"event": "report"' in line]
    assert report["unrecorded"] == report["unfinished"] == report["errors"] == 0
    assert report["upstream"]["connections"] == 0


def test_state_is_where_the_claim_is(seen: dict[str, Any]) -> None:
    """The store lies on the volume that outlives the pod."""
    assert "childproof.db" in seen["store"]


def test_a_pod_whose_init_step_fails_does_not_start(tmp_path: Path) -> None:
    """Without NET_ADMIN the step ends with 5, as documented, and neither the sidecar nor the agent is started."""
    failed = session("as_pod", tmp_path, str(KUBERNETES / "base"), "init-fails")
    assert failed["start"]["childproof-init"] == 5
    assert "NET_ADMIN" in failed["start"]["childproof-init said"]
    assert "childproof" not in failed["start"]
    assert failed["running"] == []
