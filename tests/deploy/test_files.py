"""Every file of childproof's own in deploy/ is one that childproof takes, and all of deploy/ agrees about numbers and paths."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from childproof import __version__
from childproof.cli.main import cli
from childproof.run.config.config import Config, load_config
from childproof.sandbox.fence.redirection import DNS_PORT, PROXY_UID, TCP_PORT
from tests.deploy.composefile import read as compose
from tests.deploy.kustomize import build, containers

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONFIGS = sorted(DEPLOY.rglob("childproof*.yaml"))
KUBERNETES = ("base", "overlays/denied", "overlays/kept", "overlays/harness", "shared")
HEALTH, METRICS = 15021, 15090


def loaded(path: Path) -> Config:
    return load_config({"SANDBOX": "main", "HOME": "/"}, path.parent, path)


def port(address: str) -> int:
    return int(address.rpartition(":")[2])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_each_configuration_is_taken(path: Path) -> None:
    """No unknown key; its rules are there. Where an overlay has none of its own they are the base's."""
    config = loaded(path)
    assert config.listen
    for rules in config.rules:
        assert rules.exists() or "overlays" in path.parts


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("rules.yaml")), ids=lambda path: str(path.relative_to(DEPLOY)))
def test_each_rule_file_is_without_faults(path: Path) -> None:
    """Together with the stubs that lie beside it, or that the base has."""
    stubs = DEPLOY / "kubernetes" / "base" / "stubs"
    done = CliRunner().invoke(cli, ["rules", "check", str(path), "--stubs", str(stubs)])
    assert done.exit_code == 0, done.output


def test_each_stub_is_without_faults() -> None:
    """A folder of two files is a stub."""
    folders = [path.parent for path in DEPLOY.rglob("stub.yaml")]
    assert folders
    for folder in folders:
        done = CliRunner().invoke(cli, ["stubs", "check", str(folder)])
        assert done.exit_code == 0, done.output


def test_the_example_agent_is_one_file() -> None:
    """Each set-up carries its own copy, since none may read beyond its folder; they are the same."""
    copies = {path.read_text() for path in DEPLOY.rglob("agent.py")}
    assert len(copies) == 1


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_ports_are_those_that_init_leads_to(path: Path) -> None:
    """The first sandbox's are init's own; health and metrics are where probes and annotations look."""
    written = yaml.safe_load(path.read_text())
    first = written["listen"][0]
    assert port(first.get("transparent") or first["service"]) == TCP_PORT
    assert port(first["dns"]) == DNS_PORT
    assert port(written["health"]) == HEALTH
    assert port(written["metrics"]) == METRICS


@pytest.mark.parametrize("name", KUBERNETES)
def test_kubernetes_asks_where_childproof_answers(name: str) -> None:
    """Probes' paths and ports, the metrics' annotation, the mounts of what childproof.yaml names."""
    for workload in [one for one in build(DEPLOY / "kubernetes" / name) if one["kind"] == "Deployment"]:
        for proxy in [one for one in containers(workload) if one["name"] == "childproof"]:
            ports = {one["name"]: one["containerPort"] for one in proxy["ports"]}
            assert (ports["health"], ports["metrics"]) == (HEALTH, METRICS)
            probes = {kind: proxy[kind]["httpGet"] for kind in ("startupProbe", "readinessProbe", "livenessProbe")}
            assert {probe["port"] for probe in probes.values()} == {"health"}
            assert probes["startupProbe"]["path"] == probes["readinessProbe"]["path"] == "/readyz"
            assert probes["livenessProbe"]["path"] == "/healthz"
            annotations = workload["spec"]["template"]["metadata"]["annotations"]
            assert annotations["prometheus.io/port"] == str(METRICS)
            mounts = {mount["mountPath"] for mount in proxy["volumeMounts"]}
            config = next(
                found
                for found in (DEPLOY / "kubernetes" / part / "childproof.yaml" for part in (name, "base"))
                if found.exists()
            )
            for path in named_paths(yaml.safe_load(config.read_text())):
                assert any(path.startswith(f"{mount}/") or path == mount for mount in mounts), path


def named_paths(value: Any) -> list[str]:
    """Every absolute path in a configuration."""
    if isinstance(value, dict):
        return [path for item in value.values() for path in named_paths(item)]
    if isinstance(value, list):
        return [path for item in value for path in named_paths(item)]
    return [value] if isinstance(value, str) and value.startswith("/") else []


def test_a_stop_fits_into_every_grace() -> None:
    """A proxy that is asked to stop finishes what it answers; whoever asked waits longer than that."""
    for path in CONFIGS:
        assert yaml.safe_load(path.read_text())["stop"] == {"grace": "4s"}
    for name in KUBERNETES:
        for workload in [one for one in build(DEPLOY / "kubernetes" / name) if one["kind"] == "Deployment"]:
            assert workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > 4
    for name in ("compose.yaml", "compose.shared.yaml"):
        assert compose(name)["services"]["childproof"]["stop_grace_period"] == "10s"
    assert "TimeoutStopSec=10\n" in (DEPLOY / "systemd" / "childproof@.service").read_text()


def test_the_image_is_what_the_manifests_run() -> None:
    """Its name, user, entry point and folders, as the Dockerfile has them."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"\nUSER {PROXY_UID}:{PROXY_UID}\n" in dockerfile
    assert '\nENTRYPOINT ["childproof"]\n' in dockerfile
    volumes = re.findall(r'"(/[^"]+)"', re.findall(r"^VOLUME (.*)$", dockerfile, re.MULTILINE)[0])
    assert set(volumes) == {"/var/lib/childproof", "/run/childproof/ca"}
    assert "CHILDPROOF_CONFIG=/etc/childproof/childproof.yaml" in dockerfile
    assert "RES_OPTIONS=ndots:1" in dockerfile, "a pod's search domains would be asked for allowed names first"
    exposed = set(re.findall(r"(\d+)/(?:tcp|udp)", re.findall(r"^EXPOSE (.*)$", dockerfile, re.MULTILINE)[0]))
    assert exposed == {str(number) for number in (TCP_PORT, DNS_PORT, HEALTH, METRICS)}
    images = {
        one["image"]
        for name in KUBERNETES
        for workload in build(DEPLOY / "kubernetes" / name)
        for one in containers(workload)
    }
    services = {
        one["image"] for name in ("compose.yaml", "compose.shared.yaml") for one in compose(name)["services"].values()
    }
    assert images == services == {f"childproof:{__version__}", "python:3.12-slim"}


def test_users_are_the_proxys_and_others() -> None:
    """One number, in the code, the image, the manifests and the unit's user."""
    assert PROXY_UID == 15001
    assert f"u childproof {PROXY_UID} " in (DEPLOY / "systemd" / "childproof.sysusers.conf").read_text()
