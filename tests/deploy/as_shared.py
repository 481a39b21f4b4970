"""A session of deploy/kubernetes/shared: python -m tests.deploy.as_shared FOLDER

Three pods on one network: the proxy, and two of a sandbox that reach it by its Service's address, which here is the
address of the proxy's pod. Prints one JSON object: what was seen. Needs a real root.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from tests.deploy.as_pod import KUBERNETES, Pod, secrets
from tests.deploy.kustomize import build
from tests.deploy.machine import Machine, ip, lines, machine, spoken

NODE, RESOLVER, SERVICE = "10.244.0.1", "10.96.0.10", "10.96.0.20"
ADDRESSES = {"childproof": SERVICE, "agent": "10.244.0.11", "worker": "10.244.0.12"}


def network(made: Machine) -> dict[str, int]:
    """A namespace for each pod, on one bridge of the node's."""
    ip("link", "add", "cni", "type", "bridge")
    ip("address", "add", f"{NODE}/24", "dev", "cni")
    ip("address", "add", f"{RESOLVER}/32", "dev", "lo")
    ip("link", "set", "cni", "up")
    ip("route", "add", f"{SERVICE}/32", "dev", "cni")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    found = {}
    for name, address in ADDRESSES.items():
        found[name] = made.namespace()
        made.link(found[name], f"{address}/32", here=name)
        ip("link", "set", name, "master", "cni")
        made.inside(found[name], "ip", "route", "add", NODE, "dev", "eth0")
        made.inside(found[name], "ip", "route", "add", "default", "via", NODE)
    return found


def session(folder: Path) -> dict[str, Any]:
    """All that is done with the three pods."""
    seen: dict[str, Any] = {}
    with machine(folder, RESOLVER) as made:
        resources, found, ca = build(KUBERNETES / "shared"), network(made), secrets(folder)
        [(name, service)] = [
            (one["metadata"]["name"], one["spec"])
            for one in resources
            if one["kind"] == "Service" and one["metadata"]["name"].endswith("blue")
        ]
        assert {port["port"] for port in service["ports"]} == {15001, 15053}
        log = str(folder / "names")
        made.background(sys.executable, "-m", "tests.deploy.resolver", RESOLVER, log, f"{name}={SERVICE}")
        pods = {}
        for workload, pid in found.items():
            (folder / workload).mkdir()
            pods[workload] = Pod(resources, workload, folder / workload, made, pid, ca)
        proxy = pods["childproof"]
        proxy.start("childproof")
        seen["proxy"] = proxy.probe(proxy.container("childproof")[0], "startupProbe", ADDRESSES["childproof"])
        for workload in ("agent", "worker"):
            made.tap(workload)
            seen[f"{workload} start"] = pods[workload].initialise(ADDRESSES[workload])
            pods[workload].start(workload)
            seen[workload] = spoken(folder / workload / f"{workload}.log", pods[workload].running[workload])
        seen["charges"] = pods["worker"].visit("once", "https://api.stripe.com/v1/charges", "sk_test_agent")["answer"]
        seen["visitor"] = pods["worker"].visit("calls")
        seen["stop"] = {workload: pods[workload].stop() for workload in ("agent", "worker", "childproof")}
        seen["left"] = made.arrived()
        seen["names"] = sorted(set(lines(folder / "names")))
        seen["log"] = lines(folder / "childproof" / "childproof.log")
    return seen


if __name__ == "__main__":
    started = time.monotonic()
    os.umask(0o022)
    result = session(Path(sys.argv[1]))
    sys.stdout.write(json.dumps({**result, "seconds": round(time.monotonic() - started, 1)}) + "\n")
