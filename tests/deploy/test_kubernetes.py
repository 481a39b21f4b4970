"""deploy/kubernetes: what is applied fits Kubernetes' own schemas, and is as closed as docs/deploy.md says."""

import json
import shutil
import subprocess
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.deploy.kustomize import Resource, build, containers

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
FOLDERS = ("base", "overlays/denied", "overlays/kept", "overlays/harness", "shared")
SHARED = ("shared", "overlays/harness")  # the proxy has a pod of its own
VERSIONS = ("1.29", "1.33", "1.37")  # the first with native sidecars switched on, one between, a recent one
PROXY = 15001
# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


@pytest.fixture(scope="module")
def applied() -> dict[str, list[Resource]]:
    return {name: build(FOLDER / name) for name in FOLDERS}


@cache
def registry(version: str) -> tuple[Any, jsonschema_rs.Registry]:
    """The folder of a version's schemas, in which unknown fields are faults, and what they refer to."""
    folder = files("kubernetes_validate").joinpath(f"kubernetes-json-schema/v{version}.0-local-strict")
    definitions = json.loads(folder.joinpath("_definitions.json").read_text())
    return folder, jsonschema_rs.Registry([("json-schema:///_definitions.json", definitions)])


@cache
def validator(version: str, name: str) -> Any:
    """What checks one kind of resource."""
    folder, known = registry(version)
    return jsonschema_rs.validator_for(json.loads(folder.joinpath(f"{name}.json").read_text()), registry=known)


def faults(resource: Resource, version: str) -> list[str]:
    """What Kubernetes' API server of that version would refuse, unknown fields included."""
    group, _, number = resource["apiVersion"].rpartition("/")
    name = "-".join(filter(None, (resource["kind"].lower(), group.partition(".")[0], number)))
    errors = validator(version, name).iter_errors(resource)
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in errors]


def workloads(resources: list[Resource]) -> list[Resource]:
    return [one for one in resources if one["kind"] == "Deployment"]


def spec(workload: Resource) -> dict[str, Any]:
    found: dict[str, Any] = workload["spec"]["template"]["spec"]
    return found


def named(resources: list[Resource], kind: str, name: str) -> Resource:
    [found] = [one for one in resources if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_fits_the_schemas(applied: dict[str, list[Resource]], version: str) -> None:
    """Strictly: a field that the version doesn't know is a fault."""
    found = {
        f"{name} {one['kind']} {one['metadata']['name']}": wrong
        for name, resources in applied.items()
        for one in resources
        if (wrong := faults(one, version))
    }
    assert found == {}


def test_the_schemas_refuse_what_a_version_does_not_know(applied: dict[str, list[Resource]]) -> None:
    """1.27 has no sidecars: a container of the start that has a restart policy is unknown to it."""
    agent = named(applied["base"], "Deployment", "agent")
    assert any("restartPolicy" in fault for fault in faults(agent, "1.27"))
    mistyped = {**agent, "spec": {**agent["spec"], "replica": 1}}
    assert any("replica" in fault for fault in faults(mistyped, "1.37"))


@pytest.mark.parametrize("name", FOLDERS)
def test_kubectl_builds_the_same(applied: dict[str, list[Resource]], name: str) -> None:
    """What these tests read is what `kubectl apply -k` would send."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run([kubectl, "kustomize", str(FOLDER / name)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    def key(one: Resource) -> tuple[str, str]:
        return one["kind"], one["metadata"]["name"]

    theirs = sorted(yaml.safe_load_all(done.stdout), key=key)
    assert theirs == sorted(applied[name], key=key)


@pytest.mark.parametrize("name", FOLDERS)
def test_all_but_the_init_step_fits_pod_security_restricted(applied: dict[str, list[Resource]], name: str) -> None:
    """Nobody but the init step is root or has a capability, and that step has NET_ADMIN alone."""
    for workload in workloads(applied[name]):
        pod = spec(workload)
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert not pod.get("shareProcessNamespace", False)
        for volume in pod["volumes"]:
            assert set(volume) - {"name"} <= RESTRICTED_VOLUMES
        for container in containers(workload):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            if container["name"] == "childproof-init":
                assert context["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
            else:
                assert context["capabilities"] == {"drop": ["ALL"]}
                assert context["runAsNonRoot"] is True
                assert context["runAsUser"] > 0


@pytest.mark.parametrize("name", FOLDERS)
def test_only_the_proxy_has_the_proxys_user(applied: dict[str, list[Resource]], name: str) -> None:
    """A workload of that uid would be let out."""
    for workload in workloads(applied[name]):
        for container in containers(workload):
            mine = container["name"] == "childproof"
            assert (container["securityContext"]["runAsUser"] == PROXY) == mine
            assert (container["securityContext"]["runAsGroup"] == PROXY) == mine


@pytest.mark.parametrize("name", FOLDERS)
def test_the_redirection_comes_before_whoever_it_holds(applied: dict[str, list[Resource]], name: str) -> None:
    """Containers of the start run in their order, and the init step is not one that may be skipped."""
    for workload in workloads(applied[name]):
        starts = [one["name"] for one in spec(workload).get("initContainers", ())]
        if workload["metadata"]["name"] == "childproof":
            assert starts == []
        elif name in SHARED:
            assert starts == ["childproof-trust", "childproof-init"]
        else:
            assert starts == ["childproof-init", "childproof"]
            assert spec(workload)["initContainers"][1]["restartPolicy"] == "Always"


@pytest.mark.parametrize("name", FOLDERS)
def test_the_workload_sees_the_certificate_and_never_the_key(applied: dict[str, list[Resource]], name: str) -> None:
    """Of the proxy's volumes it mounts the published folder alone, read-only."""
    for workload in workloads(applied[name]):
        pod = spec(workload)
        sources = {volume["name"]: volume for volume in pod["volumes"]}
        for container in containers(workload):
            if container["name"] == "childproof":
                continue
            for mount in container.get("volumeMounts", ()):
                source = sources[mount["name"]]
                assert "persistentVolumeClaim" not in source
                assert mount["name"] != "state"
                if "secret" in source:
                    assert [item["key"] for item in source["secret"]["items"]] == ["tls.crt"]
                if mount["mountPath"] == "/run/childproof/ca" and not container["name"].startswith("childproof"):
                    assert mount["readOnly"] is True


@pytest.mark.parametrize("name", FOLDERS)
def test_a_pod_is_given_nothing_that_it_did_not_ask_for(applied: dict[str, list[Resource]], name: str) -> None:
    """No token for the API server; and no CHILDPROOF_… variables, which a Service of that name would make and which are refused."""
    for workload in workloads(applied[name]):
        assert spec(workload)["automountServiceAccountToken"] is False
        assert spec(workload)["enableServiceLinks"] is False


@pytest.mark.parametrize("name", FOLDERS)
def test_every_volume_is_there_and_used(applied: dict[str, list[Resource]], name: str) -> None:
    """No mount names a volume that isn't, no volume a ConfigMap or key that isn't."""
    maps = {one["metadata"]["name"]: one["data"] for one in applied[name] if one["kind"] == "ConfigMap"}
    for workload in workloads(applied[name]):
        volumes = spec(workload)["volumes"]
        mounted = {mount["name"] for one in containers(workload) for mount in one.get("volumeMounts", ())}
        assert mounted == {volume["name"] for volume in volumes}
        for volume in volumes:
            sources = [volume, *volume.get("projected", {}).get("sources", ())]
            for source in [one["configMap"] for one in sources if "configMap" in one]:
                for item in source.get("items", ()):
                    assert item["key"] in maps[source["name"]]


def test_nothing_leaves_the_denied_overlay(applied: dict[str, list[Resource]]) -> None:
    """Its policy has no way out, and its rules allow nothing."""
    policy = named(applied["overlays/denied"], "NetworkPolicy", "agent")
    assert policy["spec"]["egress"] == []
    assert "Egress" in policy["spec"]["policyTypes"]
    rules = named(applied["overlays/denied"], "ConfigMap", "childproof")["data"]["rules.yaml"]
    assert "allow" not in rules


@pytest.mark.parametrize("name", FOLDERS)
def test_a_policy_stands_around_each_workload(applied: dict[str, list[Resource]], name: str) -> None:
    """Each pod is chosen by one policy, for both directions; what it lets out says where to, and by which ports."""
    policies = [one["spec"] for one in applied[name] if one["kind"] == "NetworkPolicy"]
    for workload in workloads(applied[name]):
        labels = workload["spec"]["template"]["metadata"]["labels"].items()
        mine = [one for one in policies if one["podSelector"]["matchLabels"].items() <= labels]
        assert len(mine) == 1
        assert set(mine[0]["policyTypes"]) == {"Ingress", "Egress"}
        assert all(rule.get("to") and rule.get("ports") for rule in mine[0]["egress"])


def test_a_sandboxs_service_leads_to_its_own_listener(applied: dict[str, list[Resource]]) -> None:
    """The Service's ports are what `init --to` expects; its targets are those of one item of `listen`."""
    proxy = named(applied["shared"], "Deployment", "childproof")
    ports = {one["name"]: (one["containerPort"], one.get("protocol", "TCP")) for one in containers(proxy)[0]["ports"]}
    config = yaml.safe_load(named(applied["shared"], "ConfigMap", "childproof")["data"]["childproof.yaml"])
    for item in config["listen"]:
        service = named(applied["shared"], "Service", f"childproof-{item['world']}")
        tcp, dns = (int(item[key].rpartition(":")[2]) for key in ("service", "dns"))
        leads = {
            (one["port"], one.get("protocol", "TCP")): ports[one["targetPort"]] for one in service["spec"]["ports"]
        }
        assert leads == {(15001, "TCP"): (tcp, "TCP"), (15053, "UDP"): (dns, "UDP"), (15053, "TCP"): (dns, "TCP")}


def test_the_control_api_is_the_harness_alone(applied: dict[str, list[Resource]]) -> None:
    """Its port is let in from the harness' pods and out of no sandbox's; its token is in no other pod than those two.

    The harness is no more privileged than a workload is, and nothing that it runs as is the proxy's.
    """
    resources = applied["overlays/harness"]
    harness = named(resources, "Job", "harness")
    labels = harness["spec"]["template"]["metadata"]["labels"]
    policies = {one["metadata"]["name"]: one["spec"] for one in resources if one["kind"] == "NetworkPolicy"}
    let_in = [rule for rule in policies["childproof"]["ingress"] if {"port": 15000, "protocol": "TCP"} in rule["ports"]]
    assert let_in == [
        {"from": [{"podSelector": {"matchLabels": labels}}], "ports": [{"port": 15000, "protocol": "TCP"}]}
    ]
    out = {name: [port["port"] for rule in one["egress"] for port in rule["ports"]] for name, one in policies.items()}
    assert [name for name, ports in out.items() if 15000 in ports] == ["harness"]
    assert policies["harness"]["podSelector"] == {"matchLabels": labels}
    assert policies["harness"]["ingress"] == []
    knows = [one["metadata"]["name"] for one in resources if "childproof-control" in json.dumps(one.get("spec", {}))]
    assert sorted(knows) == ["childproof", "harness"]
    pod = spec(harness)
    assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    [container] = containers(harness)
    context = container["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["runAsUser"] not in (0, PROXY)
    assert context["readOnlyRootFilesystem"] is context["runAsNonRoot"] is True
    assert {volume["name"]: volume for volume in pod["volumes"]}.keys() == {"harness"}
    service = named(resources, "Service", "childproof-control")["spec"]["ports"]
    url = next(one["value"] for one in container["env"] if one["name"] == "CHILDPROOF_SERVER")
    assert url == f"http://childproof-control:{service[0]['port']}"
