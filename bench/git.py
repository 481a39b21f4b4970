"""A repository of 1,000 files (5 MB) pushed to and cloned from GitHub's stub, beside git's own server and a local folder.

All in one run. The proxy has one thread: what it was busy for with git's calls is the time that nobody else is answered.
"""

import base64
import contextlib
import json
import os
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from bench.row import Row
from tests.clients.served import Served, serving

FILES, EACH = 1000, 3800  # bytes of each file, which don't compress
ROUNDS = 3


def rows() -> Iterator[Row]:
    """The best of some rounds of each, on the clock."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "served").mkdir()
        _repository(folder / "work")
        bare = folder / "bare"
        yield Row(f"push of {FILES} files: local folder", f"{_push(folder, str(bare), bare=bare):.2f} s")
        yield Row("clone of it: local folder", f"{_clone(folder, f'file://{bare}'):.2f} s")
        with _backend(folder) as url:
            remote = folder / "srv" / "r.git"
            yield Row(f"push of {FILES} files: git http-backend", f"{_push(folder, url, bare=remote):.2f} s")
            yield Row("clone of it: git http-backend", f"{_clone(folder, url):.2f} s")
        with serving(folder / "served") as served:
            yield from _ours(folder, served)


def _ours(folder: Path, served: Served) -> Iterator[Row]:
    owner = _api(served, "GET", "/user")["login"]
    pushes = []
    for number in range(ROUNDS):
        _api(served, "POST", "/user/repos", {"name": f"r{number}"})
        url = f"https://x:ghp_bench@github.com/{owner}/r{number}.git"
        pushes.append(_timed(folder / "work", "push", "-q", url, "main", served=served))
    yield Row(f"push of {FILES} files: childproof", f"{min(pushes):.2f} s", "< 3 s")
    yield Row("clone of it: childproof", f"{_clone(folder, url, served):.2f} s", "< 3 s")
    busy = {"git-receive-pack": 0, "git-upload-pack": 0}
    for entry in served.entries():
        kind = str(entry["target"]).rpartition("/")[2]
        if kind in busy:
            busy[kind] = max(busy[kind], entry["duration_us"])
    yield Row("  the proxy's thread, busy with the push", f"{busy['git-receive-pack'] / 1000:.0f} ms", "< 500 ms")
    yield Row("  the proxy's thread, busy with the clone", f"{busy['git-upload-pack'] / 1000:.0f} ms", "< 500 ms")


def _repository(folder: Path) -> None:
    dice = random.Random(1)
    for number in range(FILES):
        path = folder / f"d{number % 50}" / f"f{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(base64.b64encode(dice.randbytes(EACH)).decode())
    _git(folder, "init", "-q", "-b", "main")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "all")


def _push(folder: Path, url: str, *, bare: Path) -> float:
    """Each time to a repository that is new."""
    times = []
    for number in range(ROUNDS):
        target = bare.with_name(f"{number}{bare.name}")
        _git(folder, "init", "-q", "--bare", str(target))
        _git(target, "config", "http.receivepack", "true")
        times.append(_timed(folder / "work", "push", "-q", url.replace(bare.name, target.name), "main"))
    _git(folder, "clone", "-q", "--bare", "work", str(bare))
    return min(times)


def _clone(folder: Path, url: str, served: Served | None = None) -> float:
    times = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            times.append(_timed(Path(place), "clone", "-q", url, "c", served=served))
    return min(times)


def _timed(folder: Path, *arguments: str, served: Served | None = None) -> float:
    started = time.perf_counter()
    _git(folder, *arguments, served=served)
    return time.perf_counter() - started


def _git(folder: Path, *arguments: str, served: Served | None = None) -> None:
    env = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder), "GIT_TERMINAL_PROMPT": "0"}
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": "bench", f"GIT_{role}_EMAIL": "bench@example.com"}
    if served is not None:
        env |= {"GIT_SSL_CAINFO": str(served.ca), "https_proxy": f"http://{served.http}"}
    sent = ["-c", "http.postBuffer=100000000"] if served is None else []  # the small server reads no chunks
    subprocess.run(["git", *sent, *arguments], cwd=folder, env=env, check=True, capture_output=True)


def _api(served: Served, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, str]:
    headers = ("-H", "Authorization: Bearer ghp_bench", "-H", "Content-Type: application/json")
    data = ("-d", json.dumps(body)) if body is not None else ()
    address = f"https://api.github.com{path}"
    done = served.run("curl", "-sSf", "-x", f"http://{served.http}", "-X", method, *headers, *data, address)
    found: dict[str, str] = json.loads(done.stdout)
    return found


@contextlib.contextmanager
def _backend(folder: Path) -> Iterator[str]:
    """Git's own server: a process for each request, as a web server starts it (CGI, RFC 3875)."""
    root = folder / "srv"
    root.mkdir()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            meta = {
                "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
                "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }  # fmt: skip
            done = subprocess.run(
                ["git", "http-backend"], env=os.environ | meta, input=body, capture_output=True, check=True
            )
            head, _, rest = done.stdout.partition(b"\r\n\r\n")
            self.send_response(200)
            for line in head.decode().splitlines():
                self.send_header(*line.split(": ", 1))
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest)

        do_GET = do_POST = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/r.git"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
