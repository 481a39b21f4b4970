"""Trying whether the clients on this machine trust the sandbox's CA: each fetches a page of ours, sealed in.

The page's host exists nowhere, so a client that gets our answer has both reached us and trusted us.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

HOST = "doctor.childproof.example"
TOKEN = "childproof-doctor"  # noqa: S105 (a word to look for)
_URL = f"https://{HOST}/"
_SECONDS = 60

_REVISION = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
RULES = {
    "version": 1,
    "rules": [
        # git's dumb protocol, npm's and cargo's registries: enough of each for one command to succeed
        {
            "name": "git",
            "match": {"host": HOST, "path": "/repo.git/info/refs"},
            "reply": {"text": f"{_REVISION}\trefs/heads/{TOKEN}\n"},
        },
        {
            "name": "cargo-config",
            "match": {"host": HOST, "path": "/config.json"},
            "reply": {"json": {"dl": _URL, "api": f"https://{HOST}"}},
        },
        {
            "name": "cargo-search",
            "match": {"host": HOST, "path": "/api/v1/crates"},
            "reply": {
                "json": {
                    "crates": [{"name": TOKEN, "max_version": "1.0.0", "description": TOKEN}],
                    "meta": {"total": 1},
                }
            },
        },
        {
            "name": "npm",
            "match": {"host": HOST, "path": f"/{TOKEN}"},
            "reply": {
                "json": {
                    "name": TOKEN,
                    "dist-tags": {"latest": "1.0.0"},
                    "versions": {"1.0.0": {"name": TOKEN, "version": "1.0.0"}},
                }
            },
        },
        {"name": "page", "match": {"host": HOST}, "reply": {"text": TOKEN}},
    ],
}

_JAVA = """
class Probe {
    public static void main(String[] arguments) throws Exception {
        try (var in = new java.net.URL(arguments[0]).openStream()) { System.out.println(new String(in.readAllBytes())); }
    }
}
"""
_GO = """package main
import ("fmt"; "io"; "net/http"; "os")
func main() {
    reply, err := http.Get(os.Args[1])
    if err != nil { fmt.Println(err); os.Exit(1) }
    body, _ := io.ReadAll(reply.Body)
    fmt.Println(string(body))
}
"""
_NODE = "require('https').get(process.argv[1], r => r.pipe(process.stdout))"
_PYTHON = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
_REQUESTS = "import sys, requests; print(requests.get(sys.argv[1]).text)"
_HTTPX = "import sys, httpx; print(httpx.get(sys.argv[1]).text)"


class Client(msgspec.Struct, frozen=True):
    """One client: its name, the program it needs, its command, and what shows that it got our answer.

    `answered` is looked for in what it prints. A client without its `module` (of Python) isn't there.
    """

    name: str
    program: str
    arguments: tuple[str, ...]
    answered: str = TOKEN
    module: str = ""
    source: tuple[str, str] = ("", "")
    variables: tuple[tuple[str, str], ...] = ()


CLIENTS = (
    Client("python", "python3", ("-c", _PYTHON, _URL)),
    Client("python requests", "python3", ("-c", _REQUESTS, _URL), module="requests"),
    Client("python httpx", "python3", ("-c", _HTTPX, _URL), module="httpx"),
    Client(
        "pip", "python3",
        ("-m", "pip", "download", "--no-deps", "--no-cache-dir", "--retries=0", f"--index-url={_URL}simple", TOKEN),
        answered="No matching distribution found", module="pip",
    ),
    Client("curl", "curl", ("-sS", _URL)),
    Client("wget", "wget", ("-nv", "-O-", _URL)),
    Client("git", "git", ("ls-remote", f"{_URL}repo.git")),
    Client("node", "node", ("-e", _NODE, _URL)),
    Client(
        "npm", "npm", ("view", TOKEN, "name", f"--registry={_URL}", "--fetch-retries=0", "--cache=npm-cache"),
    ),
    Client("java", "java", ("Probe.java", _URL), source=("Probe.java", _JAVA)),
    Client(
        "go", "go", ("run", "probe.go", _URL), source=("probe.go", _GO),
        variables=(("GOTOOLCHAIN", "local"), ("GO111MODULE", "off"), ("GOCACHE", "{folder}/go")),
    ),
    Client("cargo", "cargo", ("search", "--index", f"sparse+{_URL}", TOKEN), variables=(("CARGO_HOME", "{folder}/cargo"),)),
    Client("ruby", "ruby", ("-ropen-uri", "-e", "puts URI.open(ARGV[0]).read", _URL)),
    Client("deno", "deno", ("eval", f"console.log(await (await fetch('{_URL}')).text())")),
    Client("php", "php", ("-r", f"echo file_get_contents('{_URL}');")),
)  # fmt: skip


class Trial(msgspec.Struct, frozen=True):
    """How one client fared: `trusted`, and where not, what it said (one line)."""

    client: str
    trusted: bool
    said: str = ""


def installed(env: Mapping[str, str], python: str, clients: Sequence[Client] = CLIENTS) -> Iterator[tuple[Client, str]]:
    """The clients that this machine has, each with its program's path. `python` stands in where PATH has none."""
    for client in clients:
        program = shutil.which(client.program, path=env.get("PATH")) or (
            python if client.program == "python3" else None
        )
        if program and (not client.module or _has_module(program, client.module)):
            yield client, program


def try_client(client: Client, program: str, folder: Path) -> Trial:
    """Run one client here and now: call it inside a sandbox. `folder` is where it may write."""
    name, text = client.source
    if name:
        (folder / name).write_text(text)
    extra = {key: value.format(folder=folder) for key, value in client.variables}
    try:
        done = subprocess.run(  # noqa: S603
            [program, *client.arguments],
            env={**os.environ, **extra, "GIT_TERMINAL_PROMPT": "0"},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Trial(client.name, trusted=False, said=f"no answer in {_SECONDS} s")
    except OSError as error:
        return Trial(client.name, trusted=False, said=str(error))
    said = done.stdout.decode(errors="replace")
    return Trial(client.name, client.answered in said, _last_line(said, f"exit code {done.returncode}"))


def try_all(clients: Sequence[tuple[Client, str]], folder: Path, tell: Callable[[Trial], None]) -> None:
    """Try clients one after the other and tell each result as it comes."""
    for client, program in clients:
        tell(try_client(client, program, folder))


def rules_text() -> str:
    """The rules under which the clients are tried, as a rule file (JSON is YAML)."""
    return json.dumps(RULES)


def _has_module(python: str, module: str) -> bool:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    done = subprocess.run([python, "-c", code], check=False, capture_output=True)  # noqa: S603
    return done.returncode == 0


def _last_line(text: str, otherwise: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("at ")]  # Java's and Node's traces
    telling = [line for line in lines if "certificate" in line.lower() or "ssl" in line.lower()]
    return (telling or lines or [otherwise])[-1][:200]
