"""The start wrapper for workloads without Python, in every shell that is here, and Python's, which does the same."""

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from childproof.capture.mitm.ca import ensure_ca
from childproof.capture.mitm.rotation import rotate
from childproof.run.authority import SCRIPT_NAME, publish
from childproof.sandbox.envmode import proxy_variables
from childproof.sandbox.trust import bundles
from childproof.sandbox.trust.amending import BUNDLE_NAME, CERT_NAME
from childproof.sandbox.trust.trust import SYSTEM_BUNDLES, Bundles, system_roots, variables
from tests.unit.sandbox.trust.workload_tree import confined

SHELLS = [["sh"], *([["busybox", "sh"]] if shutil.which("busybox") else [])]
PYTHON = [sys.executable, "-m", "childproof", "trust"]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("a sidecar") / "its ca"  # spaces: as people name folders
    folder.mkdir()
    publish(ensure_ca(folder.parent / "state"), folder)
    return folder


@pytest.fixture
def workload(tmp_path):
    """A place with two packages that bring bundles, and a small certificate of somebody's own."""
    site = tmp_path / "my env" / "lib" / "python3.12" / "site-packages"
    made = []
    for name in bundles._IN_PACKAGE:
        file = site / f"package{len(made)}" / name
        file.parent.mkdir(parents=True)
        file.write_bytes(b"# roots\n" + system_roots()[:12_000] + b"\n-----END CERTIFICATE-----")  # and no newline
        file.chmod(0o640)
        made.append(file)
    own = tmp_path / "cacert.pem"
    own.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return tmp_path, made, {"VIRTUAL_ENV": str(tmp_path / "my env")}


def tool(way, published):
    """A way to call it: a shell with the script, or childproof itself."""
    return [*PYTHON, "--ca", str(published)] if way == "python" else [*way, str(published / SCRIPT_NAME)]


WAYS = pytest.mark.parametrize("way", ["python", *SHELLS], ids=str)


def printed(command):
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(shlex.split(line)[0].split("=", 1) for line in done.stdout.splitlines())


def test_the_script_holds_the_table_that_the_sealed_run_has(published, tmp_path, monkeypatch):
    """trust.py is the one source: names, which file each gets, the system's places, the packages' files, the proxy's names."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    merged = tmp_path / f"childproof-trust-{os.getuid()}" / BUNDLE_NAME
    monkeypatch.delenv("WGETRC", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = {**variables(str(published / CERT_NAME), str(merged)), "WGETRC": str(published / "wgetrc")}
    assert printed(["sh", str(published / SCRIPT_NAME), "--print-env"]) == expected
    assert printed([*PYTHON, "--ca", str(published), "--print-env"]) == expected
    url = "http://127.0.0.1:8080"
    assert printed(["sh", str(published / SCRIPT_NAME), "--print-env", "--proxy", url]) == {
        **expected,
        **proxy_variables(url),
    }
    script = (published / SCRIPT_NAME).read_text()
    words = set(re.split(r'["\s;]+', script))
    assert set(SYSTEM_BUNDLES) | set(bundles._IN_PACKAGE) | bundles._BUNDLE_NAMES <= words
    assert f"LEAST_SIZE={bundles._LEAST_SIZE}" in words


@WAYS
def test_bundles_are_amended_once_and_what_can_not_be_changed_is_named(published, workload, way):
    """In a read-only file system with one writable folder; the command gets the variables, its words and its exit code."""
    folder, made, env = workload
    before = [file.read_bytes() for file in made]
    (folder / "linked.pem").hardlink_to(made[0])  # as a package manager's cache has it
    script = 'printf "%s|" "$@"; grep -c BEGIN "$SSL_CERT_FILE"; exit 7'
    for _ in range(2):
        done = confined(folder, *tool(way, published), "--", "sh", "-cu", script, "x", "a b", "", "*", env=env)
        assert (done.returncode, done.stdout) == (7, f"a b||*|{system_roots().count(b'BEGIN CERT') + 1}\n"), done.stderr
        for file, old in zip(made, before, strict=True):
            new = file.read_bytes()
            assert new.startswith(old)
            assert new.count((published / CERT_NAME).read_bytes().strip()) == 1
            assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert (folder / "linked.pem").read_bytes() == before[0]
    assert b"childproof" not in (folder / "cacert.pem").read_bytes()
    system = [path for path in SYSTEM_BUNDLES if Path(path).exists()]
    assert all(f"{Path(path).resolve()} can't be changed" in done.stderr for path in system)
    assert not list(folder.rglob(".childproof*"))
    check = confined(folder, *tool(way, published), "--check", env=env)
    assert check.returncode == 6
    assert "DENO_CERT is not set" in check.stderr
    assert not [line for line in check.stderr.splitlines() if str(made[0].parent) in line]


@WAYS
def test_a_link_in_the_way_of_a_draft_leads_nowhere(published, workload, way):
    """An unpacked archive may hold one for each process number there is: as root, it would choose what is overwritten."""
    folder, made, env = workload
    victim = folder / "victim"
    victim.write_text("precious\n")
    out = folder / "childproof-trust-0"  # whoever runs the tests is root in there
    out.mkdir()
    (out / "ca.pem").symlink_to(victim)
    (out / BUNDLE_NAME).symlink_to(victim)
    plant = 'for d in "$1" "$2"; do for n in childproof bundle amended; do ln -s "$3" "$d/.$n.$$"; done; done; shift 3; exec "$@"'
    command = [*tool(way, published), "--init"]
    done = confined(folder, "sh", "-c", plant, "x", str(made[0].parent), str(out), str(victim), *command, env=env)
    assert done.returncode == 0, done.stderr
    assert victim.read_text() == "precious\n"
    assert (published / CERT_NAME).read_bytes().strip() in made[0].read_bytes()
    assert not (out / BUNDLE_NAME).is_symlink()


def test_a_rotated_authority_takes_the_place_of_the_former_one(published, workload, tmp_path_factory):
    """And the shell's marks are understood by Python and the other way round."""
    folder, [file, *_], env = workload
    ca = tmp_path_factory.mktemp("rotated")
    (ca / "pub").mkdir()
    publish(ensure_ca(ca / "state"), ca / "pub")
    confined(folder, "sh", str(ca / "pub" / SCRIPT_NAME), "--init", env=env)
    assert file.read_bytes().count(b"# childproof: begin") == 1
    old = (ca / "pub" / CERT_NAME).read_bytes().strip()
    for step, way in (("prepare", ["sh"]), ("switch", ["sh"]), ("retire", "python")):
        rotated, _ = rotate(ca / "state", step)
        publish(rotated, ca / "pub")
        confined(folder, *tool(way, ca / "pub"), "--init", env=env)
        content = file.read_bytes()
        assert content.count(b"# childproof: begin") == 1
        assert (ca / "pub" / CERT_NAME).read_bytes().strip() in content or step == "switch"
        assert (old in content) == (step != "retire")


@WAYS
def test_the_command_keeps_its_surroundings(published, tmp_path, way):
    """Its own variables, whatever a script calls its own; its umask, standard input and descriptors."""
    upper = ["HOST", "MODE", "CA", "TO", "OUT", "FILES", "JAVA", "PROXY", "CERT", "BUNDLE", "SYSTEM"]
    names = [*upper, "name", "file", "line", "value", "prefix", "home", "store", "last", "code"]
    script = f'for n in {" ".join(names)}; do eval "echo \\$$n"; done; umask; cat; echo third >&3; echo "$0 $#"'
    around = ["sh", "-c", 'umask 027; exec 3>"$1"; shift; exec "$@"', "sh", str(tmp_path / "third")]
    done = subprocess.run(
        [*around, *tool(way, published), "--env-only", "--", "sh", "-c", script, "it's", "a b"],
        env={**os.environ, "TMPDIR": str(tmp_path), **{name: f"my {name}'s" for name in names}},
        input="words\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == [*(f"my {name}'s" for name in names), "0027", "words", "it's 1"], done.stderr
    assert (tmp_path / "third").read_text() == "third\n"


@WAYS
def test_without_roots_or_a_place_to_write_the_published_bundle_serves(published, tmp_path, way):
    """A workload that can write nowhere still starts, with the proxy's own roots."""
    home = tmp_path / "nothing"
    home.mkdir()
    nowhere = {"TMPDIR": "/proc", "HOME": "/proc"}
    done = confined(home, *tool(way, published), "--env-only", "--", "sh", "-c", 'echo "$SSL_CERT_FILE"', env=nowhere)
    assert (done.returncode, done.stdout.strip()) == (0, str(published / BUNDLE_NAME)), done.stderr


@WAYS
@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "no command"),
        (["--proxy", "socks://x", "--", "true"], 2, "is no proxy's URL"),
        (["--ca", "/nowhere", "--", "true"], 2, "/nowhere/childproof-ca-cert.pem"),
        (["--to", "/proc/no", "--init"], 4, "--to FOLDER"),
        (["--env-only", "--", "no-such-command"], 127, "no-such-command"),
    ],
)
def test_mistakes_have_a_message_and_a_code(published, tmp_path, way, options, code, said):
    if way == "python" and code != 4:
        pytest.skip("held by click, and by the others")  # each start of Python costs as much as all shells
    done = subprocess.run([*tool(way, published), *options], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == code
    assert said in done.stderr


def test_java_is_told_only_where_it_is_asked_for(published):
    """JAVA_TOOL_OPTIONS makes every JVM print a line; said twice, it holds once."""
    url = ["--proxy", "http://proxy:8080"]
    for command in ([*PYTHON, "--ca", str(published)], ["sh", str(published / SCRIPT_NAME)]):
        assert "JAVA_TOOL_OPTIONS" not in printed([*command, "--print-env"])
    told = printed([*command, "--java", *url, "--print-env"])["JAVA_TOOL_OPTIONS"]
    assert f"-Djavax.net.ssl.trustStore={published}/cacerts.jks" in told
    assert "-Dhttps.proxyHost=proxy -Dhttps.proxyPort=8080" in told
    again = printed(["env", f"JAVA_TOOL_OPTIONS={told}", *command, "--java", *url, "--print-env"])
    assert again["JAVA_TOOL_OPTIONS"] == told


def test_the_published_bundle_is_the_roots_and_ours(published):
    built = Bundles.build((published / CERT_NAME).read_bytes(), system_roots())
    assert (published / BUNDLE_NAME).read_bytes() == built.merged
