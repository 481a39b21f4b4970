"""The shipped script under the stock tools: Stripe is answered, the rest denied, a broken configuration starts nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

TOOLS = {"mitmdump": (), "mitmweb": ("--no-web-open-browser", "--web-host", "127.0.0.1", "--web-port", "0")}


def start(tool: str, folder: Path, rules: Path | None = None) -> subprocess.Popen[str]:
    script = subprocess.run(
        [sys.executable, "-m", "childproof", "addon"], capture_output=True, text=True, check=True
    ).stdout.strip()
    code = f"from mitmproxy.tools.main import {tool}; {tool}()"
    return subprocess.Popen(
        [
            *(sys.executable, "-u", "-c", code, "--listen-host", "127.0.0.1", "-p", "0"),
            *("--set", f"confdir={folder}", "-s", script, *TOOLS[tool]),
        ],
        cwd=folder,
        env={**os.environ, **({"CHILDPROOF_RULES": str(rules)} if rules else {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_the_shipped_script_answers_and_denies(tmp_path: Path, tool: str) -> None:
    process = start(tool, tmp_path)
    try:
        assert process.stdout is not None
        said, found = "", None
        while found is None:
            line = process.stdout.readline()
            assert line, said
            said += line
            found = re.search(r"proxy listening at (?:http://)?127\.0\.0\.1:(\d+)", said)
        proxies = dict.fromkeys(("http", "https"), f"http://127.0.0.1:{found[1]}")
        ca = str(tmp_path / "mitmproxy-ca-cert.pem")
        key = ("sk_test_client", "")
        made = requests.post("https://api.stripe.com/v1/customers", auth=key, proxies=proxies, verify=ca, timeout=20)
        assert made.json()["object"] == "customer"
        denied = requests.get("https://nobody.example/", proxies=proxies, verify=ca, timeout=20)
        assert (denied.status_code, denied.json()["error"]["type"]) == (403, "childproof_denied")
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_a_broken_rule_file_keeps_the_tool_from_listening(tmp_path: Path, tool: str) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\nrules: nonsense\n")
    output, _ = (process := start(tool, tmp_path, rules)).communicate(timeout=30)
    assert process.returncode == 2
    assert "rules.yaml:2" in output
    assert "listening" not in output
