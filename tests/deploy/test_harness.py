"""deploy/kubernetes/overlays/harness: its configuration and its program, run as processes of this machine."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from childproof.client import Client

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes" / "overlays" / "harness"
CHILDPROOF = [sys.executable, "-m", "childproof"]


def test_between_two_tries_what_was_done_is_kept_and_the_worlds_begin_anew(tmp_path: Path) -> None:
    """The program of the Job against a server of the overlay's configuration, at other addresses and paths.

    Without the token nobody is answered, and without a token the server doesn't start at all.
    """
    config = yaml.safe_load((FOLDER / "childproof.yaml").read_text())
    assert config["control"]["listen"].startswith("0.0.0.0:")
    config |= {"rules": ["rules.yaml"], "store": "box.db", "state": "state", "ca": {}}
    config |= {"health": "127.0.0.1:0", "metrics": "127.0.0.1:0"}
    del config["log"]  # sentences on standard error instead
    config["listen"] = [{"world": one["world"], "http": "127.0.0.1:0"} for one in config["listen"]]
    config["control"] = {"listen": "0.0.0.0:0", "token": {"file": "token"}}
    (tmp_path / "rules.yaml").write_text((FOLDER.parents[1] / "shared" / "rules.yaml").read_text())
    (tmp_path / "childproof.yaml").write_text(json.dumps(config))
    serve = [*CHILDPROOF, "serve", "--report", "none"]
    env = {**os.environ, "CHILDPROOF_STATE": str(tmp_path / "state")}
    refused = subprocess.run(serve, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (refused.returncode, "token" in refused.stderr) == (2, True)
    (tmp_path / "token").write_text("0123456789abcdef0123456789abcdef")
    server = subprocess.Popen(serve, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        lines: list[str] = []
        while "control http" not in (lines[-1] if lines else ""):
            lines.append(server.stderr.readline())
            assert lines[-1], "".join(lines)
        [proxy] = re.findall(r"http +(127\.0\.0\.1:\d+) +world blue", "".join(lines))
        [port] = re.findall(r"control http://0\.0\.0\.0:(\d+)", lines[-1])
        subprocess.run(["curl", "-s", "-x", f"http://{proxy}", "http://evil.example/"], check=True, capture_output=True)
        url = f"http://127.0.0.1:{port}"
        told = harness(url, "0123456789abcdef0123456789abcdef")
        blue, green = (json.loads(line) for line in told.stdout.splitlines())
        assert (blue["calls"], blue["denied"], green["calls"]) == (1, ["GET http://evil.example/"], 0), told.stderr
        with Client(url, token="0123456789abcdef0123456789abcdef") as client:
            assert [world.name for world in client.worlds()] == ["blue", "green", blue["kept"]]
            assert [call["target"] for call in client.calls(blue["kept"])] == blue["denied"]
            assert list(client.calls("blue")) == []
        wrong = harness(url, "another token of some length")
        assert wrong.returncode == 1
        assert "take the token that was sent" in wrong.stderr
    finally:
        server.terminate()
        server.communicate(timeout=20)


def harness(url: str, token: str) -> "subprocess.CompletedProcess[str]":
    """The Job's program with the Job's variables."""
    env = {**os.environ, "CHILDPROOF_SERVER": url, "CHILDPROOF_CONTROL_TOKEN": token}
    command = [sys.executable, str(FOLDER / "harness.py")]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
