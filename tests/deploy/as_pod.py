"""A session of the shipped Kubernetes manifest: python -m tests.deploy.as_pod FOLDER KUSTOMIZATION [init-fails]

Reads what `kubectl apply -k` would send, makes one pod of it as a kubelet does, has its agent and some visitors call, changes
a ConfigMap, and stops it. Prints one JSON object: what was seen. Needs a real root.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from childproof.escape.container import Container
from tests.deploy.kustomize import Resource, build
from tests.deploy.machine import ONLY_VARIABLES, ROOT, Machine, get, ip, lines, machine, spoken, waited
from tests.deploy.podspec import Volumes, command, container

NODE, POD, RESOLVER = "10.244.0.1", "10.244.0.2", "10.96.0.10"
NODE6, POD6 = "fd00:244::1", "fd00:244::2"
KUBERNETES = ROOT / "deploy" / "kubernetes"
VISITOR = Path(__file__).with_name("visitor.py")
# What docs/deploy.md has operators run in the sidecar, besides what needs none.
OPERATORS = (("childproof", "health"), ("childproof", "log", "--json"), ("childproof", "ca", "print"))

type Secrets = dict[str, dict[str, str]]


class Pod:
    """One pod of a workload's template."""

    def __init__(
        self, resources: list[Resource], workload: str, folder: Path, made: Machine, network: int, ca: Secrets
    ) -> None:
        [found] = [one for one in resources if one["kind"] == "Deployment" and one["metadata"]["name"] == workload]
        template = found["spec"]["template"]
        self.spec: dict[str, Any] = template["spec"]
        self.machine, self.network, self.folder = made, network, folder
        maps = {one["metadata"]["name"]: one["data"] for one in resources if one["kind"] == "ConfigMap"}
        volumes = folder / "volumes"
        volumes.mkdir()
        self.volumes = Volumes(volumes, self.spec, template["metadata"]["labels"], maps, ca)
        self.volumes.make()
        self.running: dict[str, subprocess.Popen[str]] = {}

    def container(self, name: str) -> tuple[dict[str, Any], Container]:
        """A container's manifest, and what it is here."""
        all_of_them = [*self.spec.get("initContainers", ()), *self.spec["containers"]]
        [spec] = [one for one in all_of_them if one["name"] == name]
        return spec, container(spec, self.volumes, self.network)

    def initialise(self, address: str, meanwhile: dict[str, Any] | None = None) -> dict[str, Any]:
        """The containers of the start, in their order: the exit code of each that ends, the probe of each that stays.

        `meanwhile` gets what the agent's place sees when the redirection is there and the proxy isn't.
        """
        seen: dict[str, Any] = {}
        for written in self.spec.get("initContainers", ()):
            spec, made = self.container(written["name"])
            if spec.get("restartPolicy") == "Always":
                if meanwhile is not None:
                    meanwhile.update(self.visit("before"))
                self.start(spec["name"])
                seen[spec["name"]] = self.probe(spec, "startupProbe", address)
            else:
                done = made.run(command(spec))
                seen[spec["name"]] = done.returncode
                seen[f"{spec['name']} said"] = done.stdout + done.stderr
                if done.returncode:
                    break
        return seen

    def start(self, name: str) -> None:
        """Start a container that stays; what it prints goes to a file of its name."""
        spec, made = self.container(name)
        with (self.folder / f"{name}.log").open("a") as out:
            self.running[name] = made.start(command(spec), stdout=out, stderr=out)

    def probe(self, spec: dict[str, Any], kind: str, address: str) -> int:
        """A probe, until it holds: its last status."""
        asked = spec[kind]["httpGet"]
        ports = {one["name"]: one["containerPort"] for one in spec["ports"]}
        patience = spec[kind].get("failureThreshold", 3) * spec[kind]["periodSeconds"]
        place = f"{address}:{ports[asked['port']]}"
        waited(lambda: get(place, asked["path"])[0] == 200, self.running[spec["name"]], patience)
        return get(place, asked["path"])[0]

    def visit(self, *what: str) -> dict[str, Any]:
        """Run visitor.py in the agent's place, as `kubectl exec` would: its JSON."""
        _, made = self.container(self.spec["containers"][0]["name"])
        start = self.wrapper() if what[0] != "before" else []
        source = VISITOR.read_text()
        done = made.run([*start, "python", "-c", source, *what])
        seen: dict[str, Any] = (
            json.loads(done.stdout) if done.returncode == 0 else {"failed": done.stdout + done.stderr}
        )
        return seen

    def wrapper(self) -> list[str]:
        """The start wrapper, as the agent's command has it."""
        return [*self.spec["containers"][0]["command"][:2], *ONLY_VARIABLES]

    def execute(self, name: str, *words: str) -> tuple[int, str]:
        """What `kubectl exec -c NAME -- WORDS…` gives: the exit code and standard output."""
        done = self.container(name)[1].run(words)
        return done.returncode, done.stdout

    def stop(self) -> dict[str, Any]:
        """SIGTERM to the containers, then, when they have ended, to the sidecars: exit codes in that order."""
        seen: dict[str, Any] = {}
        sidecars = [one["name"] for one in self.spec.get("initContainers", ()) if one["name"] in self.running]
        for name in [*(name for name in self.running if name not in sidecars), *reversed(sidecars)]:
            process = self.running[name]
            process.send_signal(signal.SIGTERM)
            try:
                seen[name] = process.wait(self.spec["terminationGracePeriodSeconds"])
            except subprocess.TimeoutExpired:
                process.kill()
                seen[name] = "killed"
        return seen


def secrets(folder: Path) -> Secrets:
    """A CA made as the manifest's comment says."""
    text = (KUBERNETES / "overlays" / "kept" / "kustomization.yaml").read_text()
    [written] = re.findall(r"^#   (openssl .*\\\n#     .*)$", text, re.MULTILINE)
    subprocess.run(shlex.split(written.replace("\\\n#", "")), cwd=folder, check=True, capture_output=True)
    return {"childproof-ca": {"tls.crt": (folder / "ca.crt").read_text(), "tls.key": (folder / "ca.key").read_text()}}


def network(made: Machine) -> int:
    """A pod's namespace, whose only way leads to the node."""
    pid = made.namespace()
    ip("address", "add", f"{RESOLVER}/32", "dev", "lo")
    made.link(pid, f"{POD}/24", here="pod")
    ip("address", "add", f"{NODE}/24", "dev", "pod")
    ip("address", "add", f"{NODE6}/64", "dev", "pod", "nodad")
    made.inside(pid, "ip", "address", "add", f"{POD6}/64", "dev", "eth0", "nodad")
    for gateway in (NODE, NODE6):
        made.inside(pid, "ip", "route", "add", "default", "via", gateway)
    made.tap("pod")
    return pid


def session(kustomization: str, folder: Path, *, init_fails: bool) -> dict[str, Any]:
    """All that is done with one pod."""
    seen: dict[str, Any] = {}
    with machine(folder, RESOLVER) as made:
        resources = build(Path(kustomization))
        pod = Pod(resources, "agent", folder, made, network(made), secrets(folder))
        if init_fails:
            del pod.container("childproof-init")[0]["securityContext"]["capabilities"]["add"]
            return {"start": pod.initialise(POD), "running": list(pod.running)}
        seen["before"] = {}
        seen["start"] = pod.initialise(POD, seen["before"])
        spec = pod.container("childproof")[0]
        if seen["start"].get("childproof") == 200:
            pod.start("agent")
            seen["agent"] = spoken(folder / "agent.log", pod.running["agent"])
            seen["visitor"] = pod.visit("calls")
            seen["mail"] = pod.visit("mail")
            wrapper = pod.wrapper()
            seen["proof"] = pod.execute("agent", *wrapper, "--", *wrapper[:2], "--doctor")
            seen["exec"] = {" ".join(words): pod.execute("childproof", *words) for words in OPERATORS}
            pod.volumes.update("childproof", {"rules.yaml": "version: 1\ndefault: deny\nrules: []\n"})
            seen["after the change"] = pod.visit("until-denied", "https://crm.example.com/contacts")
            pod.volumes.update("childproof", {"rules.yaml": "version: 1\nrules: [{name: broken}]\n"})
            waited(lambda: "broken" in (folder / "childproof.log").read_text(), pod.running["childproof"], 10)
            seen["after a faulty change"] = pod.visit("once", "https://crm.example.com/contacts")
            seen["probes"] = [pod.probe(spec, kind, POD) for kind in ("readinessProbe", "livenessProbe")]
            seen["metrics"] = get(f"{POD}:15090", "/metrics")
            seen["stop"] = pod.stop()
            seen["store"] = sorted(path.name for path in (folder / "volumes" / "state").iterdir())
            seen["left"] = made.arrived()
        seen["log"] = lines(folder / "childproof.log")
    return seen


if __name__ == "__main__":
    started = time.monotonic()
    os.umask(0o022)
    result = session(sys.argv[2], Path(sys.argv[1]), init_fails="init-fails" in sys.argv[3:])
    sys.stdout.write(json.dumps({**result, "seconds": round(time.monotonic() - started, 1)}) + "\n")
