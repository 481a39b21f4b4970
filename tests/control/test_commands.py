"""`childproof rules` and `childproof sandbox` at a server as people type them, and what they say where it can't be asked."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from childproof.cli.main import main
from childproof.client import Client

from .conftest import TOKEN, Server

RULES = "version: 1\nrules:\n  - {name: tea, match: {host: shop.example}, reply: {text: tea}}\n"
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """Who knows the token."""
    with Client(server.url, token=server.token) as client:
        yield client


@pytest.fixture
def typed(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """A command, in a folder with rule files: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHILDPROOF_SERVER", server.url)
    monkeypatch.setenv("CHILDPROOF_CONTROL_TOKEN", TOKEN)
    Path("rules.yaml").write_text(RULES)
    Path("broken.yaml").write_text(RULES.replace("reply", "replay"))

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(words)
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def test_rules_are_shown_and_replaced_as_a_whole(typed: Typed, client: Client) -> None:
    """From what `show` prints, with its ETag; a fault, or an ETag of rules that are gone, changes nothing."""
    client.create("put/here")
    code, common, err = typed("rules", "show", "--world", "put/here")
    assert (code, "9 rules, from those of all worlds" in err) == (0, True), err
    assert common == client.rules().text
    etag = typed("rules", "show", "--world", "put/here", "--etag")[1].strip()
    code, out, err = typed("rules", "put", "broken.yaml", "--world", "put/here")
    assert (code, out) == (2, "")
    assert err.startswith(
        "broken.yaml:3:6: no action; expected exactly one of stub, reply, allow and deny\n    write: "
    )
    assert err.endswith("    write: reply:\nchildproof: 2 faults\n")
    assert typed("rules", "put", "rules.yaml", "--world", "put/here", "--etag", etag.strip('"'))[0] == 0
    code, out, err = typed("rules", "put", "rules.yaml", "--world", "put/here", "--etag", etag)
    assert (code, out) == (1, "")
    assert "the rules were changed meanwhile; nothing was done" in err
    assert typed("rules", "check", "--world", "put/here")[1].startswith("ok: 1 rule in its own (http://")
    assert json.loads(typed("rules", "show", "--world", "put/here", "--json")[1])["text"] == RULES
    told = json.loads(typed("rules", "explain", "--world", "put/here", "--json", "https://shop.example/")[1])
    assert told["rule"] == "tea"
    assert typed("rules", "delete", "put/here")[2] == "put/here: judged by the common rules again\n"
    assert client.rules("put/here").source == "common"
    for words, said in (
        (("rules", "show", "--world", "nowhere"), "has no world 'nowhere'; it has: "),
        (("rules", "explain", "--world", "put/here", "rules.yaml", "https://a.example/"), "choose one"),
        (("rules", "check", "rules.yaml", "--world", "put/here"), "the same in every world"),
        (("rules", "check", "rules.yaml", "--stubs", ".", "--server", client.url), "a server has stubs of its own"),
        (("rules", "put", "nowhere.yaml"), "nowhere.yaml: can't be read"),
    ):
        code, out, err = typed(*words)
        assert (bool(code), out, said in err) == (True, "", True), (words, err)


def test_worlds_are_changed_as_in_a_file(typed: Typed, client: Client) -> None:
    """Create, fork, advance, reset, export, import and delete; webhooks are listed; what isn't there is said."""
    for words, said in (
        ("create made --seed 7 --clock frozen@2026-01-05T09:00:00Z", "made, empty"),
        ("clock made advance 30d", "it is 2026-02-04T09:00:00.000Z; 0 jobs done"),
        ("clock made step:5s", "steps 5000 ms with each call"),
        ("fork made made/later --at 1 --set agent=a", "forked from made after call 1"),
        ("reset made/later", "0 calls undone"),
    ):
        code, _, err = typed("world", *words.split())
        assert (code, said in err) == (0, True), (words, err)
    Path("file.yaml").write_text(typed("world", "export", "made")[1])
    assert "imported" in typed("world", "import", "file.yaml", "--as", "made/again")[2]
    world = client.world("made/later")
    assert (world.parent, world.base, world.metadata, client.world("made").seed) == ("made", 1, {"agent": "a"}, 7)
    assert typed("webhooks", "list", "--world", "made") == (0, "", "")
    assert (
        "world made has no webhook 'delivery_1'" in typed("webhooks", "redeliver", "--world", "made", "delivery_1")[2]
    )
    for name in ("made/later", "made/again", "made"):
        assert typed("world", "delete", name)[2] == f"{name}: deleted\n"
    assert typed("world", "delete", "made")[0] == 1


def test_a_shell_is_led_into_a_sandbox(typed: Typed, client: Client, server: Server, tmp_path: Path) -> None:
    """By what `new --env` prints: its commands call the world, and find the sandbox without being told which."""
    script = (
        'set -eu; eval "$(childproof sandbox new --env --to certificates --rules rules.yaml 2>/dev/null)"; '
        "curl -sS https://shop.example/; echo; childproof sandbox renew --ttl 2h; childproof sandbox report; "
        "childproof sandbox list --json; childproof sandbox delete; childproof sandbox list"
    )
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    tea, *report, listed = ran.stdout.splitlines()
    assert (tea, json.loads(listed)["ttl"]) == ("tea", 7200)
    assert any("1 call" in line for line in report), ran.stdout
    assert [*sorted(file.name.partition("-")[0] for file in Path("certificates").iterdir())] == ["bundle", "ca"]
    assert ": deleted, with its world sandboxes/sbx_" in ran.stderr
    assert client.sandboxes() == []


def test_a_sandbox_that_cannot_be_made_leaves_nothing(typed: Typed, client: Client) -> None:
    """Neither a sandbox nor a word on standard output, which a shell might evaluate."""
    for words, code, said in (
        (("--rules", "broken.yaml"), 2, "broken.yaml:3:6: "),
        (("--from", "nowhere"), 1, "has no world 'nowhere'"),
        (("--stub", "nothing"), 2, "no stub 'nothing'"),
        (("--ttl", "soon"), 2, "write for example 600, 90s, 10m, 2h or 3d"),
        (("--to", "/proc/nowhere"), 4, "write: --to FOLDER"),
    ):
        found = typed("sandbox", "new", "--env", *words)
        assert (found[:2], said in found[2]) == ((code, ""), True), (words, found)
    for command in ("renew", "delete", "report"):
        code, out, err = typed("sandbox", command, "sbx_nowhere")
        assert (code, out) == (1, "")
        assert "has no sandbox 'sbx_nowhere': deleted, or expired; `childproof sandbox list` lists them" in err
    assert client.sandboxes() == []


def test_a_server_that_cannot_be_asked(
    typed: Typed, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message that says what is wrong and what to do, nothing on standard output, and an exit code of its own."""
    (tmp_path / "wrong").write_text("not-the-token-of-this-server")
    (tmp_path / "two").write_text("two words")
    (tmp_path / "empty").write_text("")
    with socket.socket() as free, socket.create_server(("127.0.0.1", 0)) as mail:
        free.bind(("127.0.0.1", 0))
        port, other = free.getsockname()[1], mail.getsockname()[1]
        threading.Thread(target=_greet, args=(mail,), daemon=True).start()
        for words, code, said in (
            (
                ("--server", "unix:none.sock"),
                7,
                "there is no socket none.sock; start one with: childproof serve --control",
            ),
            (("--server", f"http://127.0.0.1:{port}"), 7, "nobody listens at"),
            (("--server", f"http://127.0.0.1:{other}"), 7, "does not speak HTTP; is it the address of --control?"),
            (("--server", f"https://127.0.0.1:{other}"), 7, "doesn't speak TLS"),
            (("--server", "http://127.0.0.1:port"), 2, "expected the address of a control API"),
            (("--server", "http://[::1"), 2, "expected the address of a control API"),
            (("--server", "ftp://127.0.0.1"), 2, "write: unix:/run/childproof.sock or http://127.0.0.1:15000"),
            (("--token-file", "wrong"), 2, "doesn't take the token that was sent; give the server's with --token-file"),
            (("--token-file", "two"), 2, "two: spaces or other characters; expected the server's token"),
            (("--token-file", "empty"), 2, "empty: no token in it"),
            (("--token-file", "nowhere"), 2, "nowhere: can't be read: No such file or directory"),
        ):
            for command in (("log", "--json"), ("rules", "show"), ("stubs", "list"), ("sandbox", "list")):
                found = typed(*command, *words)
                assert (found[:2], said in found[2]) == ((code, ""), True), (command, words, found)
        mail.shutdown(
            socket.SHUT_RDWR
        )  # or who waits at it would wait on, at whatever has the descriptor's number next
    monkeypatch.delenv("CHILDPROOF_CONTROL_TOKEN")
    assert "takes a token, and none was sent" in typed("world", "list")[2]
    monkeypatch.delenv("CHILDPROOF_SERVER")
    assert typed("world", "list", "--token-file", "wrong")[0] == 2
    code, _, err = typed("sandbox", "list")
    assert (code, "--server: nothing; expected a server's address, here or in CHILDPROOF_SERVER" in err) == (2, True)


def _greet(listener: socket.socket) -> None:
    """Another program: it speaks first, as mail servers do."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(100)
            connection.sendall(b"220 mail.example ESMTP\r\n")


def test_who_does_not_ask_the_server_says_so(typed: Typed, server: Server) -> None:
    """`run` is judged where it is started, `webhooks` looks into a file; naming the database says that it is meant."""
    said = f"not at CHILDPROOF_SERVER ({server.url})"
    code, _, err = typed("world", "gc", "--check")
    assert (code, said in err) == (4, True), err
    assert said not in typed("world", "gc", "--check", "--db", "childproof.db")[2]
    for named, expected in (((), True), (("--db", ":memory:"), False)):
        code, _, err = typed("run", "--mode", "env", "--report", "none", *named, "--rules", "broken.yaml", "--", "true")
        assert (code, said in err) == (2, expected), err
