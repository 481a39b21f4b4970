"""From a sealed sandbox the control API isn't there: neither its socket, nor its port, nor its token."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from childproof.client import Client

from .conftest import TOKEN, start, stop

TRIES = """
import os, socket, sys
from pathlib import Path
path, port = sys.argv[1], int(sys.argv[2])
try:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        print("unix: reached")
except OSError as error:
    print("unix:", type(error).__name__)
for address in ("127.0.0.1", "10.9.8.7"):
    try:
        with socket.create_connection((address, port), timeout=5) as sock:
            sock.sendall(b"GET /v1/health HTTP/1.1\\r\\nhost: 127.0.0.1\\r\\nconnection: close\\r\\n\\r\\n")
            print(address, "alive" in sock.makefile().read())
    except OSError as error:
        print(address, False)
print("token:", "CHILDPROOF_CONTROL_TOKEN" in os.environ, Path(sys.argv[3]).read_text() if len(sys.argv) > 3 else "")
"""


def run(folder: Path, control: str, path: Path, port: int, config: str, **variables: str) -> list[str]:
    """What a sealed command sees."""
    (folder / "childproof.yaml").write_text(config)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHILDPROOF_")}
    environ |= {"CHILDPROOF_STATE": str(folder / "state"), **variables}
    command = [sys.executable, "-m", "childproof", "run", "--control", control, "--report", "none", "--"]
    ran = subprocess.run(
        [*command, sys.executable, "-c", TRIES, str(path), str(port), str(folder / "secret")],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert f"control {control}" in ran.stderr or f"control http://{control}" in ran.stderr
    return ran.stdout.splitlines()


def test_a_sealed_command_reaches_neither_socket_nor_port(tmp_path: Path) -> None:
    """Its loopback is another one, the socket's path is covered, and so is the token's file."""
    (tmp_path / "secret").write_text(TOKEN)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    path = tmp_path / "control.sock"
    config = "control: {listen: 'unix:other.sock', token: {file: secret}}\n"
    tokens: list[tuple[str, dict[str, str], str]] = [
        (config, {}, "token: False "),  # the file is there, and empty
        ("", {"CHILDPROOF_CONTROL_TOKEN": TOKEN}, f"token: False {TOKEN}"),  # no file of childproof's
    ]
    for control, (written, variables, seen) in zip((f"unix:{path}", f"127.0.0.1:{port}"), tokens, strict=True):
        unix, loopback, elsewhere, token = run(tmp_path, control, path, port, written, **variables)
        assert unix != "unix: reached"
        assert (loopback, elsewhere) == ("127.0.0.1 False", "10.9.8.7 False")
        assert token == seen


LATE = """
import socket, sys, time
from pathlib import Path
from urllib.parse import urlsplit
print("inside", flush=True)
while not Path("late.sock").exists():
    time.sleep(0.02)
sys.stdin.readline()
with socket.socket(socket.AF_UNIX) as sock:
    sock.connect("late.sock")
    sock.sendall(b"GET /v1/worlds HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\n\\r\\n")
    print(sock.makefile().readline().split()[1])
"""


@pytest.mark.sealed
def test_a_socket_that_appears_later_answers_no_sealed_command(tmp_path: Path) -> None:
    """A path crosses network namespaces: who comes out of another one isn't answered without a token."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHILDPROOF_")}
    environ["CHILDPROOF_STATE"] = str(tmp_path / "state")
    command = [sys.executable, "-m", "childproof"]
    sealed = subprocess.Popen(
        [*command, "run", "--report", "none", "--", sys.executable, "-c", LATE], cwd=tmp_path, env=environ, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert sealed.stdout is not None
    if sealed.stdout.readline() != "inside\n":
        pytest.skip("this kernel gives no namespaces")
    serve = [
        *command,
        "serve",
        "--control",
        "unix:late.sock",
        "--db",
        "late.db",
        "--http",
        "127.0.0.1:0",
        "--report",
        "none",
    ]
    with subprocess.Popen(serve, cwd=tmp_path, env=environ, text=True, stderr=subprocess.PIPE) as server:
        assert server.stderr is not None
        assert any("ready" in line for line in server.stderr)
        said, _ = sealed.communicate("\n", timeout=30)
        with Client(f"unix:{tmp_path / 'late.sock'}") as client:
            assert [world.name for world in client.worlds()] == ["main"]
        server.terminate()
    assert said == "403\n"


RULES = """version: 1
rules:
  - {name: own, match: {host: [127.0.0.1, localhost, "::1"]}, allow: {addresses: [127.0.0.0/8, "::1/128"]}}
  - {name: raw, match: {protocol: tcp, host: "*"}, allow: {addresses: [127.0.0.0/8]}}
"""


def test_no_rule_leads_to_the_api(tmp_path: Path) -> None:
    """Not even one that names the loopback: by no spelling, in no way to ask the proxy. What else listens there is reached."""
    (tmp_path / "rules.yaml").write_text(RULES)
    server = start(tmp_path, "--control", "127.0.0.1:0", "--rules", "rules.yaml", "--socks", "127.0.0.1:0")
    try:
        with Client(server.url, token=TOKEN) as client, socket.create_server(("127.0.0.1", 0)) as own:
            made = client.create_sandbox(world="main", listen={"http": True, "socks": True})
            port, other = urlsplit(server.url).port, made.http
            assert other is not None
            asked = [
                ["--proxy", f"http://{other}", f"http://{host}/v1/health"]
                for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"127.1:{port}", f"2130706433:{port}", other)
            ]
            asked += [
                ["--proxytunnel", "--proxy", f"http://{other}", f"http://127.0.0.1:{port}/v1/health"],
                ["--proxy", f"socks5h://{other}", f"http://127.0.0.1:{port}/v1/health"],
                ["--proxy", f"socks5h://{other}", f"http://localhost:{port}/v1/health"],
            ]
            for words in asked:
                said = subprocess.run(
                    ["curl", "--silent", "--max-time", "20", *words], capture_output=True, text=True, check=False
                )
                assert "where childproof itself listens" in said.stdout, (words, said)
            thread = threading.Thread(target=lambda: own.accept()[0].sendall(b"HTTP/1.1 204 \r\n\r\n"), daemon=True)
            thread.start()
            url = f"http://127.0.0.1:{own.getsockname()[1]}/"
            command = ["curl", "--silent", "--proxy", f"http://{other}", "--write-out", "%{http_code}", url]
            assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "204"
            thread.join()
    finally:
        assert stop(server) == 0
