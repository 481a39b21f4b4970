"""Files and processes: no way round through sockets with a path, the key, the record, or what the next run reads."""

import os
import resource
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import childproof
from childproof.sandbox.hide import listening_sockets, sockets_in
from tests.escape.beside import HERE, USERS, Seen, beside_the_sinkhole, once, sealed

PACKAGE = str(Path(childproof.__file__).parent)


class Listening:
    """A unix socket whose server tells everybody its secret."""

    def __init__(self, name: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(name)
        self.socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """With its thread: one that waited on would, by the descriptor's number, take what is for the next socket that has it."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.socket.close()

    def _serve(self) -> None:
        try:
            while True:
                client, _ = self.socket.accept()
                with client:
                    client.sendall(b"the way out")
        except OSError:
            pass


@pytest.fixture(scope="module", params=USERS)
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    seen, _ = once(tmp_path_factory, f"files-{request.param}", lambda folder: make(folder, request.param))
    return seen


def make(folder: Path, user: str) -> Seen:
    for name in ("deep/down", "place", "upper", "work", "mystubs/acme"):
        (folder / name).mkdir(parents=True)
    (folder / "included.yaml").write_text("version: 1\nrules: []\n")
    (folder / "rules.yaml").write_text(
        "version: 1\ninclude: [included.yaml]\nrules:\n  - {name: mail, match: {protocol: smtp}, stub: email}\n"
    )
    (folder / "childproof.yaml").write_text("rules: [rules.yaml]\nstubs: [mystubs]\n")
    (folder / "mystubs/acme/stub.yaml").write_text("stub: acme\nhosts: [api.acme.example]\nopenapi: openapi.json\n")
    (folder / "mystubs/acme/openapi.json").write_text(
        '{"openapi": "3.0.0", "info": {"title": "acme", "version": "1"}, "paths": {}}'
    )
    before = Path.cwd()
    os.chdir(folder)
    try:
        relative = Listening("relative.sock")
    finally:
        os.chdir(before)
    elsewhere = Listening(str(folder / "deep/down/agent.sock"))
    abstract = Listening(f"\0{folder}")
    arguments = [str(HERE / "attempts_files.py"), str(folder), str(folder / "state/childproof"), PACKAGE]
    try:
        return beside_the_sinkhole(
            folder, user, *sealed(sys.executable, *arguments, options=("--report-to", "report.txt"))
        )
    finally:
        for server in (relative, elsewhere, abstract):
            server.close()


@pytest.mark.sealed
@pytest.mark.parametrize(
    "name",
    ["a_socket_bound_by_a_relative_path", "a_socket_of_another_network_namespace", "x11", "docker", "systemd", "an_abstract_socket"],
)  # fmt: skip
def test_unix_sockets_lead_nowhere(files: Seen, name: str) -> None:
    assert files.code == 0, files.err
    assert files.answers[name].startswith(("ConnectionRefusedError", "FileNotFoundError", "PermissionError"))


@pytest.mark.sealed
@pytest.mark.parametrize("name", ["the_key_by_its_path", "the_key_under_other_mounts"])
def test_the_key_is_nowhere(files: Seen, name: str) -> None:
    assert files.answers[name] == []


@pytest.mark.sealed
def test_the_first_process_gives_nothing_away_and_can_not_be_ended(files: Seen) -> None:
    assert files.answers["the_key_through_the_first_process"] == ["PermissionError"] * 6
    assert files.answers["killing_the_first_process"] == ["done"] * 3  # sent, and without effect
    assert files.answers["the_hosts_processes"] == [1]
    assert files.answers["descriptors"] == [3]  # the listing's own


@pytest.mark.sealed
def test_the_record_can_be_neither_read_nor_changed(files: Seen) -> None:
    size, *attempts = files.answers["the_record"]
    assert size == 0
    assert "done" not in attempts, attempts


@pytest.mark.sealed
def test_what_judges_the_next_run_can_not_be_changed(files: Seen) -> None:
    for name, attempts in files.answers["what_judges_the_next_run"].items():
        assert "done" not in attempts, (name, attempts)


@pytest.mark.sealed
def test_the_reports_file_can_not_become_a_link(files: Seen) -> None:
    assert files.answers["the_reports_file"] == ["OSError", "FileExistsError"]


@pytest.mark.sealed
def test_nothing_left_by_files(files: Seen) -> None:
    assert files.frames == []
    assert files.awake


@pytest.mark.sealed
def test_a_new_configuration_is_told(tmp_path: Path) -> None:
    """It could not be covered, as it was not there: so the user hears of it before the next start reads it."""
    script = "echo 'stubs: [evil]' > childproof.yaml"
    done = run(tmp_path, *sealed("sh", "-c", script))
    assert "the command left another configuration behind" in done.stderr
    (tmp_path / "childproof.yaml").unlink()
    assert "another configuration" not in run(tmp_path, *sealed("true")).stderr


@pytest.mark.sealed
def test_a_linked_databases_log_is_hidden_too(tmp_path: Path) -> None:
    """SQLite keeps it beside the file that the link leads to."""
    (tmp_path / "box.db").symlink_to("real.db")
    done = run(tmp_path, *sealed("sh", "-c", "cat real.db real.db-wal | wc -c"))
    assert done.stdout.strip() == "0", done.stderr


@pytest.mark.sealed
def test_a_descriptor_above_the_limit_is_closed(tmp_path: Path) -> None:
    """Opened under a higher limit, inherited, and past what the limit of now says."""
    with Path("/etc/hostname").open("rb") as file:
        os.dup2(file.fileno(), 900, inheritable=True)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            code = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (300, {limits[1]}))"
            code += f"\nimport os; os.execv({sys.executable!r}, {sealed('ls', '/proc/self/fd')!r})"
            done = subprocess.run(
                [sys.executable, "-c", code],
                cwd=tmp_path, env=env(tmp_path), capture_output=True, text=True, close_fds=False, timeout=60, check=True,
            )  # fmt: skip
        finally:
            os.close(900)
    assert done.stdout.split() == ["0", "1", "2", "3"], done.stderr


def test_sockets_are_found_by_relative_names_and_in_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a/b/c").mkdir(parents=True)
    servers = [Listening("own.sock"), Listening("a/b/near.sock"), Listening("a/b/c/far.sock")]
    found = listening_sockets()
    for name in ("own.sock", "a/b/near.sock", "a/b/c/far.sock"):
        assert str(tmp_path / name) in found
    assert list(sockets_in([str(tmp_path)])) == [str(tmp_path / "own.sock"), str(tmp_path / "a/b/near.sock")]
    assert list(sockets_in([str(tmp_path)], entries=0)) == []
    for server in servers:
        server.socket.close()


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=env(folder), capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip


def env(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
