"""deploy/systemd: units that systemd takes as they are, in an order that keeps the agent in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.units import FOLDER, read

UNITS = ("childproof-sandbox@.service", "childproof@.service", "childproof-init@.service", "agent@.service")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units in a folder, with programs that exist in the place of those that an administrator installs."""
    folder = tmp_path_factory.mktemp("units")
    for name in UNITS:
        text = (FOLDER / name).read_text().replace("/opt/childproof/bin/childproof", "/bin/true")
        (folder / name).write_text(
            re.sub(r"^(Exec\w+=-?)/usr/sbin/(ip|sysctl) ", r"\1/bin/true ", text, flags=re.MULTILINE)
        )
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    return folder


def test_systemd_takes_the_units(installed: Path) -> None:
    """Every section, key and value is one that systemd knows; what it doesn't, it would ignore."""
    instances = [str(installed / name.replace("@.", "@main.")) for name in UNITS]
    for name, instance in zip(UNITS, instances, strict=True):
        shutil.copy(installed / name, instance)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *instances], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if str(installed) in line or "main.service" in line]
    assert ours == [], done.stderr


def test_a_mistyped_key_would_be_noticed(installed: Path) -> None:
    """The same check, of a unit with a key that isn't one."""
    unit = installed / "mistyped.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nProtectHomes=yes\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert "ProtectHomes" in done.stderr


@pytest.mark.parametrize(
    ("name", "most"), [("childproof@.service", 2.0), ("agent@.service", 2.0), ("childproof-init@.service", 6.5)]
)
def test_units_are_exposed_little(installed: Path, name: str, most: float) -> None:
    """By systemd's own measure, 0 to 10; the init step has to be root with NET_ADMIN for its one second."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(installed / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    [level] = re.findall(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert float(level) <= most


def test_the_agent_starts_after_all_that_holds_it() -> None:
    """It goes down with its namespace, and never comes up without the redirection and the proxy."""
    agent = read("agent@.service", "main")
    assert agent["BindsTo"] == ["childproof-sandbox@main.service"]
    [required], [after] = agent["Requires"], agent["After"]
    assert set(required.split()) == {"childproof-init@main.service", "childproof@main.service"}
    assert set(after.split()) == {"childproof-sandbox@main.service", *required.split()}
    for name in ("agent@.service", "childproof-init@.service"):
        assert read(name, "main")["NetworkNamespacePath"] == ["/run/netns/main"]
    assert "NetworkNamespacePath" not in read("childproof@.service", "main")


def test_privileges_are_where_they_are_needed() -> None:
    """The proxy and the agent have none, the init step NET_ADMIN; no unit may gain one."""
    bounds = {name: read(name, "main")["CapabilityBoundingSet"] for name in UNITS}
    assert bounds["childproof@.service"] == bounds["agent@.service"] == [""]
    assert bounds["childproof-init@.service"] == ["CAP_NET_ADMIN"]
    assert all(read(name, "main")["NoNewPrivileges"] == ["yes"] for name in UNITS)
    assert read("childproof@.service", "main")["User"] == ["childproof"]
    assert read("agent@.service", "main")["DynamicUser"] == ["yes"]


def test_the_agent_sees_none_of_the_machines_sockets_and_secrets() -> None:
    """An empty /run with the certificate's folder in it, and nothing of the proxy's configuration and state."""
    agent = read("agent@.service", "main")
    assert agent["TemporaryFileSystem"] == ["/run:ro"]
    assert agent["BindReadOnlyPaths"] == [
        "/run/childproof/main/ca:/run/childproof/ca",
        "/etc/childproof/main/resolv.conf:/etc/resolv.conf",
    ]
    assert "/etc/childproof" in agent["InaccessiblePaths"][0]
    assert "BindPaths" not in agent
