"""Real clients of this machine, unmodified, sealed in by the real command line: `childproof doctor` tries each."""

import json
import subprocess
import sys

import pytest

from childproof.sandbox.trust.clients import HOST, TOKEN, rules_text

pytestmark = [pytest.mark.sealed, pytest.mark.slow]

CHILDPROOF = [sys.executable, "-c", "from childproof.cli.main import main; main()"]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doctor")
    done = subprocess.run([*CHILDPROOF, "doctor", "--json"], capture_output=True, text=True, cwd=folder, check=False)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    if not found["sealed"]:
        assert done.returncode == 1
        pytest.skip(found["machine"][0]["note"])
    assert done.returncode == 0
    return found


def test_every_installed_client_trusts_us_and_gets_our_answer(report):
    assert [client for client in report["clients"] if not client["works"]] == []
    assert "python" in {client["subject"] for client in report["clients"]}


def test_what_a_sandbox_must_stop_is_stopped(report):
    optional = ("IPv6", "a record of refused UDP (NFLOG)")
    assert [
        finding for finding in report["machine"] if not finding["works"] and finding["subject"] not in optional
    ] == []


@pytest.mark.parametrize(
    "script",
    [
        "import ssl, urllib.request as u\nprint(u.urlopen(URL, context=ssl.create_default_context(cafile=certifi.where())).read().decode())",
        "import requests; s = requests.Session(); s.trust_env = False; print(s.get(URL).text)",
        "import httpx; print(httpx.get(URL, trust_env=False).text)",
    ],
    ids=["certifi", "requests", "httpx"],
)
def test_a_client_that_reads_only_its_own_bundle_trusts_us(report, tmp_path, script):
    (tmp_path / "rules.yaml").write_text(rules_text())
    command = [sys.executable, "-c", f"import certifi; URL = 'https://{HOST}/'\n{script}"]
    done = subprocess.run(
        [*CHILDPROOF, "run", "--rules", "rules.yaml", "--db", ":memory:", "--report", "none", "--", *command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, TOKEN), done.stderr
