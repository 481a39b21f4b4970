"""`--mode env`: variables and exit codes. Nothing here is sealed."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from childproof.sandbox.envmode import proxy_environment, run_with_environment

PEM = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def run(tmp_path, *command, env=None):
    ca = tmp_path / "ca.pem"
    ca.write_bytes(PEM)
    # An interpreter outside the system's folders may need its library's path to start at all.
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    environ = {"PATH": "/usr/bin:/bin", **kept, **(env or {})}
    return asyncio.run(run_with_environment(command, environ, proxy="127.0.0.1:8080", ca_cert=ca, cwd=tmp_path))


def test_proxy_variables_are_set_in_both_cases_and_loopback_is_exempt():
    env = proxy_environment(
        {"HTTPS_PROXY": "corporate", "A": "b"}, "127.0.0.1:8080", bare=Path("/b"), merged=Path("/m")
    )
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        assert env[name] == env[name.lower()] == "http://127.0.0.1:8080"
    assert env["NO_PROXY"] == env["no_proxy"]
    assert "127.0.0.1" in env["NO_PROXY"]
    assert (env["A"], env["SSL_CERT_FILE"], env["NODE_EXTRA_CA_CERTS"]) == ("b", "/m", "/b")


@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("kill -TERM $$", 128 + signal.SIGTERM), ('grep -q AAAA "$SSL_CERT_FILE"', 0)]
)
def test_the_exit_code_is_the_commands_own(tmp_path, script, code):
    assert run(tmp_path, "sh", "-c", script) == code


def test_a_command_that_is_not_there_is_127_and_one_that_may_not_run_126(tmp_path, capsys):
    (tmp_path / "data").write_text("text")
    assert run(tmp_path, "no-such-command") == 127
    assert run(tmp_path, str(tmp_path / "data")) == 126
    assert "no-such-command: command not found" in capsys.readouterr().err


def test_signals_are_passed_on(tmp_path):
    script = "import os, signal, time; os.kill(os.getppid(), signal.SIGUSR1); time.sleep(30)"
    assert run(tmp_path, sys.executable, "-c", script) == 128 + signal.SIGUSR1
