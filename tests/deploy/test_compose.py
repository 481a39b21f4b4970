"""deploy/compose: files that fit the Compose specification, in which the agent has no neighbour but the proxy."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.deploy.composefile import FOLDER, order, read, settings
from tests.npm import NoNpm, package

FILES = ("compose.yaml", "compose.shared.yaml")
PROXY = "15001:15001"


@pytest.fixture(scope="module")
def specification() -> dict[str, Any]:
    """The Compose specification's JSON Schema, in the words that a linter from npm brings along."""
    try:
        schema = package("dclint", "3.1.0") / "schemas" / "compose.schema.json"
    except NoNpm as reason:
        pytest.skip(str(reason))
    found: dict[str, Any] = json.loads(schema.read_text())
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_file_fits_the_specification(specification: dict[str, Any], name: str) -> None:
    """Unknown keys are faults: nothing that was meant to close something is mistyped."""
    validator = jsonschema_rs.validator_for(specification)
    assert [error.message for error in validator.iter_errors(read(name))] == []
    mistyped = read(name)
    mistyped["services"]["agent"]["cap_drops"] = ["ALL"]
    assert not validator.is_valid(mistyped)


@pytest.mark.parametrize("name", FILES)
def test_every_service_is_hardened(name: str) -> None:
    """A read-only root, no capability, no way to gain one, and bounds; NET_ADMIN is the redirection's alone."""
    for service, written in read(name)["services"].items():
        assert written["read_only"] is True
        assert written["cap_drop"] == ["ALL"]
        assert written["security_opt"] == ["no-new-privileges:true"]
        assert written.get("cap_add", []) == (["NET_ADMIN"] if service == "redirection" else [])
        assert {"mem_limit", "pids_limit", "user"} <= written.keys()
        assert not {"privileged", "devices", "pid", "ipc", "extra_hosts", "ports", "volumes_from"} & written.keys()
        assert (written["user"] == PROXY) == (service == "childproof")
        assert (written["user"] == "0:0") == (service == "redirection")


@pytest.mark.parametrize("name", FILES)
def test_the_agent_comes_last(name: str) -> None:
    """Nothing of it runs before the redirection is verified and the proxy is ready."""
    services = read(name)["services"]
    found = order(services)
    assert found[0] == "sandbox" or found[:2] == ["sandbox", "childproof"]
    assert found[-1] == "agent"
    conditions = {
        (who, on): how["condition"] for who in found for on, how in services[who].get("depends_on", {}).items()
    }
    assert conditions["redirection", "sandbox"] == "service_started"
    if name == "compose.yaml":
        assert conditions["redirection", "childproof"] == "service_healthy"
        assert conditions["agent", "redirection"] == "service_completed_successfully"
    else:
        assert conditions["childproof", "redirection"] == "service_completed_successfully"
        assert conditions["agent", "childproof"] == "service_healthy"


def test_the_agents_only_neighbour_is_the_proxy() -> None:
    """It has no network but that of its namespace, which has no way out, and on which nobody else is."""
    document = read("compose.yaml")
    services = document["services"]
    assert document["networks"]["inside"]["internal"] is True
    assert services["agent"]["network_mode"] == services["redirection"]["network_mode"] == "service:sandbox"
    assert services["sandbox"]["networks"] == ["inside"]
    assert [name for name, one in services.items() if "outside" in one.get("networks", ())] == ["childproof"]
    [network] = document["networks"]["inside"]["ipam"]["config"]
    assert services["childproof"]["networks"]["inside"]["ipv4_address"].startswith(network["subnet"].rpartition(".")[0])


@pytest.mark.parametrize("name", FILES)
def test_a_namespace_without_the_redirection_never_comes_back_by_itself(name: str) -> None:
    """Docker restarts containers by their policy, not by depends_on: who lives in the namespace has none."""
    for service, written in read(name)["services"].items():
        if service == "sandbox" or written.get("network_mode") == "service:sandbox":
            assert written["restart"] == "no"


@pytest.mark.parametrize("name", FILES)
def test_what_the_agent_mounts_is_read_only(name: str) -> None:
    """The certificate's folder, its program and its resolver; nothing of the proxy's state."""
    services = read(name)["services"]
    mounts = services["agent"]["volumes"]
    assert all(mount["read_only"] for mount in mounts)
    assert {mount["source"] for mount in mounts if mount["type"] == "volume"} == {"ca"}
    [config] = [mount for mount in services["childproof"]["volumes"] if mount["target"] == "/etc/childproof"]
    assert config["read_only"] is True
    for mount in (*mounts, config):
        assert mount["type"] == "volume" or (FOLDER / mount["source"]).exists()


@pytest.mark.parametrize("name", FILES)
def test_env_sets_what_is_used_and_nothing_else(name: str) -> None:
    """A setting that nobody reads would be one that somebody trusts."""
    used = set(re.findall(r"\$\{(\w+)\}", (FOLDER / name).read_text()))
    assert used <= settings().keys()
    if name == "compose.yaml":
        assert used == settings().keys()


@pytest.mark.parametrize("name", FILES)
def test_only_the_proxy_is_asked_for_its_health(name: str) -> None:
    """The image's own check would call every other container of it unhealthy."""
    for service, written in read(name)["services"].items():
        if written["image"].startswith("childproof:") and service != "childproof":
            assert written["healthcheck"] == {"disable": True}


def test_both_files_run_the_same_agent() -> None:
    """The variants differ in where the proxy stands, not in what is run."""
    one, other = (read(name)["services"]["agent"] for name in FILES)
    assert one["command"] == other["command"]
    assert one["image"] == other["image"]


def test_the_healthcheck_is_the_images_own() -> None:
    """`childproof health` asks the address that childproof.yaml gives."""
    dockerfile = (Path(__file__).parents[2] / "Dockerfile").read_text()
    [command] = re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", dockerfile, re.MULTILINE)
    for name in FILES:
        assert read(name)["services"]["childproof"]["healthcheck"]["test"] == ["CMD", *json.loads(command)]
        assert yaml.safe_load((FOLDER / "config" / "childproof.yaml").read_text())["health"]
