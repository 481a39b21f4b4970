"""The Dockerfile's own steps, run by a real builder, and what comes of them as containers of one pod.

podman runs both, without a daemon. What is simulated is the base alone: a Debian trixie from Debian's packages with this machine's
CPython 3.13, since no registry of images is at hand (prepare.sh).
"""

import json
import os
import re
import stat
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.engine import BASE, ROOT, Engine, Refused, build, config_of, engine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
UID = 15001
VOLUMES = ("var/lib/childproof", "run/childproof/ca")
PACKAGES = "opt/childproof/lib/python3.13/site-packages"

AGENT = """
import os, socket, sys, urllib.error, urllib.request
def call(url, body=None):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, {"Authorization": "Bearer sk_test_51Nagent0000"}), timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)
print(*call("https://api.stripe.com/v1/customers", b"email=a%40shop.example"))
print(*call("https://unknown.example/"))
print(sorted(os.listdir("/run/childproof/ca")), os.access("/run/childproof/ca", os.W_OK))
"""

INSIDE = """
import os
print([line.split()[1] for line in open("/proc/1/status") if line.startswith(("CapPrm", "CapEff", "CapBnd", "NoNewPrivs"))], os.getuid(), os.getgid())
print(sorted(top for top, _, _ in os.walk("/") if not top.startswith(("/proc", "/sys", "/dev")) and os.access(top, os.W_OK)))
print([(name, oct(os.stat(f"state/{name}").st_mode & 0o777)) for name in sorted(os.listdir("state")) if name.endswith("ca.pem")])
states = [open(f"/proc/{one}/stat").read().rpartition(")")[2].split()[0] for one in os.listdir("/proc") if one.isdigit()]
print(len(states), states.count("Z"))
"""

LATE = """
import importlib, os, pkgutil, sys
import childproof.capture.mitm.lean
for module in pkgutil.walk_packages(childproof.__path__, "childproof."):
    # pytest isn't there, and is whose plugin that is
    if not module.name.endswith(("__main__", "mitmdump_script", "pytest_plugin", "testing.asked")):
        importlib.import_module(module.name)
from childproof.catalog.shipped import shipped
from importlib.util import cache_from_source
loaded = [one.__file__ for one in sys.modules.values() if (getattr(one, "__file__", None) or "").endswith(".py")]
shipped = [os.path.join(top, name) for top, _, names in os.walk(shipped("stubs")) for name in names if name.endswith(".py")]
caches = [cache_from_source(one) for one in loaded + shipped]
print([one for one in caches if not os.path.exists(one) or "/opt/" in one and open(one, "rb").read(8)[4:] != bytes([1, 0, 0, 0])])
"""


@pytest.fixture(scope="session")
def podman() -> Iterator[Engine]:
    try:
        with engine() as made:
            yield made
    except Refused as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def image(podman: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    return build(podman, tmp_path_factory.mktemp("secrets"))


def test_the_image_holds_the_interpreter_the_wheel_and_its_dependencies(podman: Engine, image: str) -> None:
    """No installer, compiler, source history, test, key or setuid file; nothing that the proxy's user may write but volumes."""
    config = config_of(podman, image)
    labels = config["Labels"]
    assert config["User"] == f"{UID}:{UID}"
    assert config["Entrypoint"] == ["childproof"]
    assert config["Cmd"] == ["serve", "--config", "/etc/childproof/childproof.yaml"]
    assert config["StopSignal"] in ("SIGTERM", "15")
    assert config["Healthcheck"]["Test"] == ["CMD", "childproof", "health"]
    assert labels["org.opencontainers.image.revision"] == "0123abc"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"

    mounted = podman.podman("image", "mount", image).stdout.strip()
    root = Path(f"/proc/{podman.holder}/root{mounted}")
    files = dict(_walk(root))
    names = set(files)
    forbidden = re.compile(
        r"(^|/)(pip|setuptools|ensurepip|_distutils_hack|\.git)(/|$)|bin/(pip.*|gcc.*|cc|c\+\+|g\+\+|ld|as|make|git|curl|wget)$"
        r"|^var/lib/apt/lists/.+|^src(/|$)|^root/\.cache/.+|^usr/(local/)?include/.+|\.[oa]$|(^|/)childproof/tests/|\.db$"
    )
    found = sorted(one for one in names if forbidden.search(one) and not stat.S_ISDIR(files[one].st_mode))
    assert found == [], found
    assert {one.rpartition("/")[2] for one in names if one.startswith("opt/childproof/bin/")} == {
        "childproof",
        "python",
        "python3",
        "python3.13",
    }
    assert [one for one, info in files.items() if stat.S_ISREG(info.st_mode) and info.st_mode & 0o6000] == []
    mine = [one for one, info in files.items() if UID in (info.st_uid, info.st_gid)]
    assert sorted(mine) == ["run/childproof", "run/childproof/ca", "var/lib/childproof"]
    anybodys = [one for one, info in files.items() if info.st_mode & 0o002 and not stat.S_ISLNK(info.st_mode)]
    assert [one for one in anybodys if not files[one].st_mode & stat.S_ISVTX] == []
    keys = [one for one in names if one.startswith(("etc/", "run/", "var/", "root/", "opt/childproof/etc"))]
    assert [one for one in keys if _is_key(root / one)] == []

    late = podman.run("--rm", "--entrypoint=python3", image, "-c", LATE).stdout
    assert late == "[]\n", "bytecode can't be written later, so each start would compile these"
    documents = root / "usr/share/doc/childproof"
    assert {one.name for one in documents.iterdir()} == {"LICENSE", "THIRD_PARTY_NOTICES.md", "sbom.cdx.json"}
    listed = json.loads((documents / "sbom.cdx.json").read_text(encoding="utf-8"))["components"]
    versions = {_plain(one["name"]): one["version"] for one in listed}
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line
    )
    pins = {_plain(name): version for name, version in pinned.items()}
    assert labels["org.opencontainers.image.version"] == versions.pop("childproof")
    assert {name: pins.get(name) for name in versions} == versions, "as constraints.txt has them, and nothing else"
    assert "botocore" not in versions
    assert [one["name"] for one in listed if not one.get("licenses")] == []

    sizes = _sizes(files)
    assert sum(sizes.values()) < 200e6, "\n".join(f"{size / 1e6:6.1f} MB  {name}" for name, size in sizes.items())


def test_a_pod_of_the_image_is_closed_until_it_serves_and_after_it_has_stopped(
    podman: Engine, image: str, tmp_path: Path
) -> None:
    """init as root with NET_ADMIN alone, serve without any privilege on a read-only root, an agent beside it."""
    podman.in_network("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    for words in (
        "link set eth1 up",
        "address add 192.0.2.2/24 dev eth0",
        "link set eth0 up",
        "route add default via 192.0.2.1",
    ):
        podman.in_network("ip", *words.split())
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.53\noptions timeout:1 attempts:1\n", encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("listen: []\nrulez: []\n", encoding="utf-8")
    tmp_path.chmod(0o755)
    suffix = str(os.getpid())
    volumes = [f"--volume=state{suffix}:/var/lib/childproof", f"--volume=ca{suffix}:/run/childproof/ca"]
    resolver = f"--volume={tmp_path}/resolv.conf:/etc/resolv.conf:ro"
    agent = (
        *("--rm", "--user=1000:1000", f"--volume=ca{suffix}:/run/childproof/ca:ro", resolver),
        *("--env=SSL_CERT_FILE=/run/childproof/ca/bundle.pem", BASE, "python3", "-c", AGENT),
    )
    proxy = f"proxy{suffix}"
    try:
        assert podman.run("--rm", image, "--version").stdout == f"childproof, version {_version(podman, image)}\n"
        bad = podman.run("--rm", f"--volume={tmp_path}/bad.yaml:/etc/childproof/childproof.yaml:ro", image, check=False)
        assert (bad.returncode, "rulez" in bad.stderr) == (2, True)
        closed = podman.run("--rm", "--tmpfs=/var/lib/childproof:mode=0755", image, check=False)
        assert (closed.returncode, "/var/lib/childproof" in closed.stderr) == (4, True), "a volume that isn't its own"

        podman.run("--rm", "--user=0:0", "--cap-add=NET_ADMIN", *volumes, image, "init")
        before = podman.run(*agent).stdout.splitlines()
        assert [line.split()[0] for line in before[:2]] == ["0", "0"], "nothing is let out before the proxy is there"

        podman.run("--detach", f"--name={proxy}", *volumes, image)
        _until_ready(podman, proxy)
        inside = podman.podman("exec", proxy, "python3", "-c", INSIDE).stdout.splitlines()
        assert inside[0] == f"{['0' * 16] * 3 + ['1']} {UID} {UID}"
        assert inside[1] == str(sorted([*(f"/{volume}" for volume in VOLUMES), "/var/lib/childproof/state"]))
        assert inside[2] == "[('childproof-ca.pem', '0o600')]"
        assert inside[3].endswith(" 0"), "no zombies"

        calls = podman.run(*agent).stdout.splitlines()
        assert calls[0].startswith("200 ")
        assert '"cus_' in "\n".join(calls)
        assert any(line.startswith("403 ") and "childproof_denied" in line for line in calls)
        assert "childproof-ca.pem'" not in calls[-1]
        assert calls[-1].endswith("] False"), "the agent may read the certificate and write nothing"

        assert "api.stripe.com" in podman.podman("exec", proxy, "childproof", "log").stdout

        podman.podman("stop", "--time=10", proxy)
        events = [json.loads(line) for line in podman.podman("logs", proxy).stdout.splitlines()]
        assert [event["event"] for event in events[-1:]] == ["stopped"]
        assert podman.podman("wait", proxy).stdout.strip() == "0"
        assert podman.run(*agent).stdout.splitlines()[0].startswith("0 "), "closed again"

        code = _stopped_early(podman, image, f"early{suffix}")
        assert code in ("0", "143"), "the first process of a container can be stopped before it serves, too"

        certificate = podman.run(
            "--rm", *volumes, "--entrypoint=cat", image, "/run/childproof/ca/childproof-ca-cert.pem"
        )
        podman.podman("start", proxy)
        _until_ready(podman, proxy)
        again = podman.podman("exec", proxy, "cat", "/run/childproof/ca/childproof-ca-cert.pem")
        assert again.stdout == certificate.stdout, "a start finds the authority of the one before"
    finally:
        podman.podman("rm", "--force", "--volumes", "--time=0", proxy, f"early{suffix}", check=False)
        podman.podman("volume", "rm", "--force", f"state{suffix}", f"ca{suffix}", check=False)


def _walk(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    for folder, folders, files in root.walk():
        for name in (*folders, *files):
            path = folder / name
            yield str(path.relative_to(root)), path.lstat()


def _is_key(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and b"PRIVATE KEY-----" in path.read_bytes()


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _sizes(files: dict[str, os.stat_result]) -> dict[str, int]:
    """What the environment takes on disk by top-level name, in octets, the largest first."""
    sizes: dict[str, int] = defaultdict(int)
    for name, info in files.items():
        if name.startswith("opt/childproof/"):
            top = name.removeprefix(f"{PACKAGES}/").split("/")[0] if name.startswith(f"{PACKAGES}/") else "(the rest)"
            sizes[top] += info.st_blocks * 512
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _version(podman: Engine, image: str) -> str:
    return str(config_of(podman, image)["Labels"]["org.opencontainers.image.version"])


def _until_ready(podman: Engine, container: str) -> None:
    """Ask as the health check does; what the container said is in the message where it never is."""
    for _ in range(60):
        if podman.podman("exec", container, "childproof", "health", check=False).returncode == 0:
            return
        time.sleep(0.2)
    raise AssertionError(podman.podman("logs", container, check=False).stdout)


def _stopped_early(podman: Engine, image: str, name: str) -> str:
    """The exit code of a container that is told to stop as soon as it says anything."""
    podman.run("--detach", f"--name={name}", image)
    while "starting" not in podman.podman("logs", name).stdout:
        time.sleep(0.05)
    podman.podman("stop", "--time=30", name)
    return podman.podman("wait", name).stdout.strip()
