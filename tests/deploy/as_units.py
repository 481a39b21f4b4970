"""A session of the shipped systemd units: python -m tests.deploy.as_units FOLDER [init-fails]

Executes the units' own commands, in the order of their dependencies, with the users, capabilities, namespaces and mounts
that they give; systemd itself isn't there. Prints one JSON object: what was seen. Needs a real root.
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
from childproof.escape.container import Container, Mount
from childproof.sandbox import linux
from tests.deploy.machine import BIN, ONLY_VARIABLES, Machine, image_environment, lines, machine, spoken, waited
from tests.deploy.units import FOLDER, assignments, commands, read

INSTANCE = "main"
PROXY_UID, DYNAMIC_UID = 15001, 61999
VISITOR = Path(__file__).with_name("visitor.py").read_text()


class Units:
    """The units of one instance."""

    def __init__(self, folder: Path, made: Machine) -> None:
        self.folder, self.machine = folder, made
        self.etc = folder / "etc"
        shutil.copytree(FOLDER / INSTANCE, self.etc)
        self.environment = assignments(self.etc / "sandbox.env")
        self.running: dict[str, subprocess.Popen[str]] = {}
        unit = read("childproof@.service", INSTANCE)
        for kind, place in (("State", "/var/lib"), ("Runtime", "/run")):  # as systemd makes them
            [below], [mode] = unit[f"{kind}Directory"], unit[f"{kind}DirectoryMode"]
            path = folder / f"{place}/{below}".removeprefix("/")
            path.mkdir(parents=True)
            path.chmod(int(mode, 8))
            os.chown(path, PROXY_UID, PROXY_UID)

    def oneshot(self, name: str, key: str = "ExecStart") -> list[int]:
        """Run a unit's commands as root of this machine: the exit codes of those that may not fail."""
        found = commands(read(name, INSTANCE), key, self.environment)
        return [code for command, may in found if (code := subprocess.run(command, check=False).returncode) or not may]

    def network(self) -> int:
        """A process in the namespace that NetworkNamespacePath names."""
        [path] = read("agent@.service", INSTANCE)["NetworkNamespacePath"]
        holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={path}", "sleep", "infinity"])
        self.machine.started.append(holder)
        own = Path("/proc/self/ns/net").readlink()
        waited(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != own)
        return holder.pid

    def container(self, name: str, *mounts: Mount, uid: int, network: int | None) -> Container:
        """What a unit's directives make of a process."""
        unit = read(name, INSTANCE)
        [bound] = unit["CapabilityBoundingSet"]
        return Container(
            name=name.partition("@")[0],
            uid=uid,
            gid=uid,
            capabilities=frozenset(getattr(kernel, one.removeprefix("CAP_")) for one in bound.split()),
            no_new_privileges=unit["NoNewPrivileges"] == ["yes"],
            mounts=(Mount(BIN, "/opt/childproof/bin"), *mounts),
            environ={
                "PATH": image_environment()["PATH"],
                **dict(item.split("=", 1) for item in unit.get("Environment", ())),
            },
            network=network,
        )

    def proxy(self) -> Container:
        """childproof@.service"""
        return self.container(
            "childproof@.service",
            Mount(self.etc, f"/etc/childproof/{INSTANCE}"),
            Mount(self.folder / "var/lib/childproof" / INSTANCE, f"/var/lib/childproof/{INSTANCE}", read_only=False),
            Mount(self.folder / "run/childproof" / INSTANCE, f"/run/childproof/{INSTANCE}", read_only=False),
            uid=PROXY_UID,
            network=None,
        )

    def agent(self, network: int) -> Container:
        """agent@.service: what BindReadOnlyPaths says, and its program."""
        mounts = []
        places = {
            f"/run/childproof/{INSTANCE}/ca": self.folder / "run/childproof" / INSTANCE / "ca",
            f"/etc/childproof/{INSTANCE}": self.etc,
        }
        for value in read("agent@.service", INSTANCE)["BindReadOnlyPaths"]:
            source, _, target = value.partition(":")
            [place] = [
                here / Path(source).relative_to(there) for there, here in places.items() if source.startswith(there)
            ]
            mounts.append(Mount(place, target))
        program = Mount(FOLDER / "agent.py", "/opt/agent/agent.py")
        return self.container("agent@.service", *mounts, program, uid=DYNAMIC_UID, network=network)

    def init(self, network: int, *, fails: bool) -> list[tuple[int, str]]:
        """childproof-init@.service: each command's exit code, and what it said."""
        made = self.container("childproof-init@.service", uid=0, network=network)
        if fails:
            made = Container(**{**{name: getattr(made, name) for name in made.__slots__}, "capabilities": frozenset()})
        found = []
        for command, _ in commands(read("childproof-init@.service", INSTANCE), "ExecStart", self.environment):
            done = made.run(command)
            found.append((done.returncode, done.stdout + done.stderr))
            if done.returncode:
                break
        return found

    def start(self, name: str, made: Container) -> None:
        """Start a unit's ExecStart; what it prints goes to a file of its name."""
        [(command, _)] = commands(read(f"{name}@.service", INSTANCE), "ExecStart", self.environment)
        with (self.folder / f"{name}.log").open("a") as out:
            self.running[name] = made.start(command, stdout=out, stderr=out)

    def visit(self, network: int, *what: str) -> dict[str, Any]:
        """Run visitor.py as the agent's unit would be run."""
        [(command, _)] = commands(read("agent@.service", INSTANCE), "ExecStart", self.environment)
        done = self.agent(network).run([*command[:2], *ONLY_VARIABLES, command[2], "-c", VISITOR, *what])
        seen: dict[str, Any] = (
            json.loads(done.stdout) if done.returncode == 0 else {"failed": done.stdout + done.stderr}
        )
        return seen

    def stop(self, name: str) -> int | str:
        """SIGTERM, as systemd sends it: the exit code."""
        self.running[name].send_signal(signal.SIGTERM)
        try:
            return self.running[name].wait(10)
        except subprocess.TimeoutExpired:
            self.running[name].kill()
            return "killed"


def session(folder: Path, *, init_fails: bool) -> dict[str, Any]:
    """All that is done with one sandbox."""
    seen: dict[str, Any] = {}
    with machine(folder, "10.0.0.53") as made:
        linux.mount("none", "/run", "tmpfs")
        units = Units(folder, made)
        seen["sandbox"] = units.oneshot("childproof-sandbox@.service")
        network = units.network()
        made.tap(f"cp-{INSTANCE}")
        seen["init"] = units.init(network, fails=init_fails)
        if not init_fails:
            proxy = units.proxy()
            units.start("childproof", proxy)
            [(post, _)] = commands(read("childproof@.service", INSTANCE), "ExecStartPost", units.environment)
            seen["ready"] = proxy.run(["timeout", "30", *post]).returncode
            units.start("agent", units.agent(network))
            seen["agent"] = spoken(folder / "agent.log", units.running["agent"])
            seen["visitor"] = units.visit(network, "calls")
            seen["stop"] = {name: units.stop(name) for name in ("agent", "childproof")}
            seen["after"] = units.visit(network, "down")
            seen["left"] = made.arrived()
            seen["gone"] = units.oneshot("childproof-sandbox@.service", "ExecStop")
        seen["log"] = lines(folder / "childproof.log")
    return seen


if __name__ == "__main__":
    started = time.monotonic()
    os.umask(0o022)
    result = session(Path(sys.argv[1]), init_fails="init-fails" in sys.argv[2:])
    sys.stdout.write(json.dumps({**result, "seconds": round(time.monotonic() - started, 1)}) + "\n")
