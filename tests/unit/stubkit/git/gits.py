"""Repositories of a small stub's world, and git itself talking to them over HTTP."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from childproof.model import Call, Protocol
from childproof.stubkit import Context, git
from childproof.stubkit.entity import Response
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.stub import Stub
from childproof.world.store import Store
from tests.unit.stubkit.conftest import DATA, START

WHO = git.Identity("Ada", "ada@example.com", 1_767_603_600)


@dataclass
class Hosting:
    """A world in which a stub has repositories."""

    stub: Stub
    store: Store
    world: str = "main"
    accept: Callable[[git.Update], str] = lambda _: ""
    pushed: list[git.Pushed] = field(default_factory=list)
    answering: Callable[[Call], Response] | None = None  # what answers instead

    @contextmanager
    def repository(self, name: str = "r", call: Call | None = None) -> Iterator["git.Repository"]:
        """A repository within a call of its own."""
        with self.context(call) as ctx:
            yield git.repository(ctx, name)

    @contextmanager
    def context(self, call: Call | None = None) -> Iterator[Context]:
        """What behaviour is handed for a call."""
        called = call or _call("GET", "/")
        with self.store.world(self.world).transaction() as tx:
            yield Context(self.stub.service, tx, called, query=dict(parse_qsl(called.query)))

    def answer(self, call: Call) -> Response:
        """What git is answered: the repository is named by the path, `/NAME/info/refs` and so on."""
        if self.answering is not None:
            return self.answering(call)
        _, name, *rest = call.path.split("/")
        with self.repository(name, call) as repo:
            try:
                if rest == ["info", "refs"]:
                    return repo.advertise(dict(parse_qsl(call.query))["service"])
                if rest == ["git-upload-pack"]:
                    return repo.upload_pack()
                self.pushed.append(repo.receive_pack(self.accept, lambda updates: f"took {len(list(updates))}\n"))
            except git.GitError as error:
                return Response(400, str(error).encode())
            return self.pushed[-1].response

    def send(self, service: str, body: bytes, name: str = "r") -> bytes:
        """What a service replies to a body."""
        answered = self.answer(_call("POST", f"/{name}/{service}", body=body))
        assert isinstance(answered.body, bytes)
        return answered.body

    def rows(self) -> list[tuple[str, str]]:
        """The collections that the world has something in."""
        with self.store.world(self.world).transaction() as tx:
            return [
                (service, kind) for service, kind in tx.kinds() if tx.count(service, kind) and "git" in service + kind
            ]


def hosted(place: str) -> Iterator[Hosting]:
    """A world in a file of its own."""
    opened = Store.open(place, wall=lambda: START)
    opened.create("main", seed=1)
    yield Hosting(load_stub(DATA / "stubs" / "acme-crm"), opened)
    opened.close()


@dataclass
class Git:
    """Git itself, in a folder of its own, and the address that it talks to."""

    folder: Path
    url: str

    def __call__(self, *arguments: str, within: str = "", ok: bool = True) -> str:
        """Run it; gives what it said. `ok` says how it has to end."""
        env = {
            **os.environ,
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }
        for role in ("AUTHOR", "COMMITTER"):
            env |= {f"GIT_{role}_NAME": "Ada", f"GIT_{role}_EMAIL": "ada@example.com"}
        done = subprocess.run(
            ["git", "-c", "http.postBuffer=100000000", *arguments],
            cwd=self.folder / within, env=env, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    def commit(self, within: str, message: str = "more", **files: str) -> str:
        """Write files (`__` is a slash in their names) and commit them; gives the commit's id."""
        for name, text in files.items():
            path = self.folder / within / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self("add", "-A", within=within)
        self("commit", "-q", "-m", message, within=within)
        return self("rev-parse", "HEAD", within=within).strip()


@contextmanager
def serving(hosting: Hosting) -> Iterator[str]:
    """The address at which a world's repositories are served."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = _call(self.command, parts.path, parts.query, tuple(self.headers.items()), body)
            made = hosting.answer(call)
            assert isinstance(made.body, bytes)
            self.send_response(made.status)
            for name, value in (*made.headers.items(), ("Content-Length", str(len(made.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(made.body)

        do_GET = do_POST = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/r"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _call(
    method: str, path: str, query: str = "", headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
) -> Call:
    return Call(
        Protocol.HTTP,
        "git.example",
        443,
        method=method,
        scheme="https",
        path=path,
        query=query,
        headers=headers,
        body=body,
    )
