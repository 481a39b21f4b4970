"""A session of a shipped compose file: python -m tests.deploy.as_compose FOLDER FILE [init-fails]

Does what `docker compose up` asks of the engine, as far as the kernel is concerned: networks, namespaces, volumes, users,
health checks and the order of depends_on. Then visitors call from the agent's place, also while the proxy is down, and
rules change. Prints one JSON object: what was seen. Needs a real root.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from childproof.escape import container as kernel
from childproof.escape.container import ENGINE_DEFAULTS, Container, Mount
from tests.deploy.composefile import FOLDER, order, read
from tests.deploy.machine import (
    ONLY_VARIABLES,
    Machine,
    agent_environment,
    image_environment,
    ip,
    lines,
    machine,
    spoken,
    waited,
)

DOCKERS_RESOLVER = "127.0.0.11"
OUTSIDE = "172.30.0"
VISITOR = Path(__file__).with_name("visitor.py").read_text()
OWNER = 15001  # of the image's folders


class Project:
    """The services of a compose file, as containers of this machine."""

    def __init__(self, file: str, folder: Path, made: Machine) -> None:
        self.document = read(file)
        self.services: dict[str, dict[str, Any]] = self.document["services"]
        self.folder, self.machine = folder, made
        self.source = folder / "project"
        shutil.copytree(FOLDER, self.source)
        self.namespaces: dict[str, int] = {}
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.codes: dict[str, int] = {}
        for name, mode in (("state", 0o700), ("ca", 0o755)):  # as the image has the folders that volumes are made of
            (folder / name).mkdir(mode=mode)
            os.chown(folder / name, OWNER, OWNER)
        for name, network in self.document["networks"].items():
            ip("link", "add", f"br-{name}", "type", "bridge")
            ip("address", "add", f"{self.subnet(name)}.1/{29 if network.get('internal') else 24}", "dev", f"br-{name}")
            ip("link", "set", f"br-{name}", "up")

    def subnet(self, network: str) -> str:
        """The first three parts of a network's addresses."""
        written = self.document["networks"][network].get("ipam")
        return written["config"][0]["subnet"].rpartition(".")[0] if written else OUTSIDE

    def attach(self, name: str) -> int:
        """A service's network namespace, made when it starts unless it joins another's."""
        mode = self.services[name].get("network_mode", "")
        if mode:
            return self.namespaces[mode.removeprefix("service:")]
        pid = self.machine.namespace()
        joined = self.services[name]["networks"]
        for number, network in enumerate(joined):
            wanted = (joined[network] if isinstance(joined, dict) else {}).get("ipv4_address")
            address = wanted or f"{self.subnet(network)}.{3 + len(self.namespaces)}"
            internal = self.document["networks"][network].get("internal")
            here = f"{name[:8]}-{number}"
            self.machine.link(pid, f"{address}/{29 if internal else 24}", here=here, device=f"eth{number}")
            ip("link", "set", here, "master", f"br-{network}")
            if not internal:
                self.machine.inside(pid, "ip", "route", "add", "default", "via", f"{self.subnet(network)}.1")
            if name == "sandbox":
                self.machine.tap(here)
        known = [f"childproof={self.subnet('inside')}.2"] if "inside" in self.document["networks"] else []
        log = str(self.folder / f"{name}.names")
        self.machine.background(
            sys.executable, "-m", "tests.deploy.resolver", DOCKERS_RESOLVER, log, *known, network=pid
        )
        self.namespaces[name] = pid
        return pid

    def container(self, name: str, *, capabilities: bool = True) -> Container:
        """A service's container."""
        service = self.services[name]
        network = self.namespaces.get(name) or self.attach(name)
        uid, _, gid = service["user"].partition(":")
        base = frozenset() if service.get("cap_drop") == ["ALL"] else ENGINE_DEFAULTS
        added = {getattr(kernel, one) for one in service.get("cap_add", ()) if capabilities}
        image = image_environment() if service["image"].startswith("childproof:") else agent_environment()
        return Container(
            name=name,
            uid=int(uid),
            gid=int(gid),
            capabilities=base | added,
            no_new_privileges="no-new-privileges:true" in service.get("security_opt", ()),
            mounts=tuple(self.mount(one) for one in service.get("volumes", ())),
            empty=tuple(one.partition(":")[0] for one in service.get("tmpfs", ())),
            environ={**image, **service.get("environment", {})},
            read_only_root=service["read_only"],
            network=network,
        )

    def mount(self, written: dict[str, Any]) -> Mount:
        """A volume, or a file of the project."""
        place = self.folder if written["type"] == "volume" else self.source
        return Mount(place / written["source"], written["target"], read_only=written.get("read_only", False))

    def command(self, name: str) -> list[str]:
        """What a service executes."""
        service = self.services[name]
        ours = service["image"].startswith("childproof:")
        entry = service.get("entrypoint", ["childproof"] if ours else [])
        default = (
            ["serve", "--config", "/etc/childproof/childproof.yaml"] if "entrypoint" not in service and ours else []
        )
        if "CHILDPROOF_CONFIG" in service.get("environment", {}):
            default = ["serve", "--config", service["environment"]["CHILDPROOF_CONFIG"]]
        return [*entry, *service.get("command", default)]

    def start(self, name: str) -> None:
        """Start a service's container; what it prints goes to a file of its name."""
        with (self.folder / f"{name}.log").open("a") as out:
            self.running[name] = self.container(name).start(self.command(name), stdout=out, stderr=out)

    def up(self, *, init_fails: bool) -> bool:
        """Start all services in their order, each when what it depends on is as it wants it; whether all were started."""
        for name in order(self.services):
            for other, how in self.services[name].get("depends_on", {}).items():
                if not self.holds(other, how["condition"]):
                    return False
            if name == "redirection" and init_fails:
                self.running[name] = self.container(name, capabilities=False).start(self.command(name))
            else:
                self.start(name)
        return True

    def holds(self, name: str, condition: str) -> bool:
        """Whether a service comes to be as another one wants it."""
        process = self.running[name]
        if condition == "service_started":
            return process.poll() is None
        if condition == "service_completed_successfully":
            self.codes[name] = process.wait()
            return self.codes[name] == 0
        return waited(lambda: self.health(name) == 0, process, 30)

    def health(self, name: str) -> int:
        """The exit code of a service's health check, in its container."""
        _, *test = self.services[name]["healthcheck"]["test"]
        return self.container(name).run(test).returncode

    def visit(self, *what: str) -> dict[str, Any]:
        """Run visitor.py in the agent's place, as `docker compose exec` would: its JSON."""
        start = [*self.services["agent"]["command"][:2], *ONLY_VARIABLES]
        done = self.container("agent").run([*start, "python", "-c", VISITOR, *what])
        seen: dict[str, Any] = (
            json.loads(done.stdout) if done.returncode == 0 else {"failed": done.stdout + done.stderr}
        )
        return seen

    def stop(self, name: str) -> int | str:
        """SIGTERM, as an engine sends it: the exit code."""
        process = self.running[name]
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            return "killed"


def session(file: str, folder: Path, *, init_fails: bool) -> dict[str, Any]:
    """All that is done with one project."""
    seen: dict[str, Any] = {}
    with machine(folder, DOCKERS_RESOLVER) as made:
        project = Project(file, folder, made)
        seen["up"] = project.up(init_fails=init_fails)
        seen["codes"] = project.codes
        seen["running"] = list(project.running)
        if seen["up"]:
            seen["agent"] = spoken(folder / "agent.log", project.running["agent"])
            seen["visitor"] = project.visit("calls")
            (project.source / "config" / "rules.new").write_text("version: 1\ndefault: deny\nrules: []\n")
            (project.source / "config" / "rules.new").rename(project.source / "config" / "rules.yaml")
            seen["after the change"] = project.visit("until-denied", "https://api.stripe.com/v1/charges")
            if file == "compose.yaml":
                seen["first stop"] = project.stop("childproof")
                seen["while it is down"] = project.visit("down")
                project.start("childproof")
                seen["healthy again"] = project.holds("childproof", "service_healthy")
                seen["when it is back"] = project.visit("once", "https://api.stripe.com/v1/charges")
            seen["stop"] = {name: project.stop(name) for name in ("agent", "childproof")}
            seen["left"] = made.arrived()
            seen["names"] = {name: sorted(set(lines(folder / f"{name}.names"))) for name in ("sandbox", "childproof")}
        seen["log"] = lines(folder / "childproof.log")
        seen["redirection"] = lines(folder / "redirection.log")
    return seen


if __name__ == "__main__":
    started = time.monotonic()
    os.umask(0o022)
    result = session(sys.argv[2], Path(sys.argv[1]), init_fails="init-fails" in sys.argv[3:])
    sys.stdout.write(json.dumps({**result, "seconds": round(time.monotonic() - started, 1)}) + "\n")
