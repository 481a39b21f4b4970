"""The plugin in sessions of their own, as its users have it, with pytest-asyncio, anyio and xdist beside it."""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from childproof.sandbox.support import sealing_refusal

HERE = Path(__file__).parent
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"


BOOK = {"type": "object", "properties": {"id": {"type": "string"}, "title": {"type": "string"}}}
MADE = {
    "201": {"description": "made", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Book"}}}}
}
ASKED = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Book"}}}}
LIBRARY = {
    "openapi": "3.0.3",
    "info": {"title": "Library", "version": "1"},
    "paths": {
        "/books": {"post": {"requestBody": ASKED, "responses": MADE}},
        "/books/{book}": {"get": {"responses": {"200": MADE["201"]}}},
    },
    "components": {"schemas": {"Book": BOOK}},
}
LOADED = ("childproof.pytest_plugin", "anyio", "pytest_asyncio.plugin", "xdist.plugin")


def command(*words: str) -> list[str]:
    """pytest without what else is installed here: others' plugins take a second to import. The wheel's test finds ours by itself."""
    words = (*(word for name in LOADED for word in ("-p", name)), *words)
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "pytest.ini", *words]


def environment(folder: Path) -> dict[str, str]:
    """Without what xdist tells the workers that run us; with a folder of its own for what is temporary, whose name is short."""
    link = folder / "tmp"
    if not link.is_symlink():
        link.symlink_to(tempfile.mkdtemp(prefix="cp-"))
    temporary = link.readlink()
    left = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CHILDPROOF_"))}
    return {**left, "TMPDIR": str(temporary), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "120"}


def session(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text(INI)
    return subprocess.run(
        command(*words), cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=100, check=False
    )


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Test -> what went wrong, empty where nothing did: of `inside.py`, in one session."""
    folder = tmp_path_factory.mktemp("inside")
    (folder / "test_inside.py").write_text((HERE / "inside.py").read_text())
    (folder / "mine").mkdir()
    (folder / "library").mkdir()
    (folder / "library" / "stub.yaml").write_text(
        "stub: library\nhosts: [api.library.example]\nopenapi: openapi.json\n"
    )
    (folder / "library" / "openapi.json").write_text(json.dumps(LIBRARY))
    (folder / "mine" / "stub.yaml").write_text("hosts: [mine.example]\nresorces: {}\n")
    done = session(folder, "--junitxml", "out.xml", "test_inside.py")
    assert (folder / "out.xml").exists(), done.stdout + done.stderr
    assert list((folder / "tmp").glob("childproof-*")) == []  # the server's folder goes with it
    found = {}
    for case in ET.parse(folder / "out.xml").iter("testcase"):
        wrong = "\n".join(
            f"{part.get('message')}\n{part.text}" for part in case if part.tag in ("failure", "error", "skipped")
        )
        found[case.get("name") or ""] = wrong
    shown = re.findall(r"(?ms)^_+ (?:ERROR at setup of )?(test_fails\w+) _+$(.*?)(?=^[_=]{9}|\Z)", done.stdout)
    found.update(shown)  # the report that people read has sections that are in no file
    return found


def test_all_that_is_to_pass_passes(outcomes: dict[str, str]) -> None:
    """Each of the fixtures, with requests, httpx, urllib, aiohttp, stripe, boto3 and curl, in functions and coroutines."""
    wrong = {name: said for name, said in outcomes.items() if said and not name.startswith("test_fails")}
    if sealing_refusal():
        assert "can't" in wrong.pop("test_a_command_runs_sealed")
    assert wrong == {}
    assert len(outcomes) > 25


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nearest", "expected POST api.stripe.com/v1/customers with email='john@example.com'; it was not made"),
        (
            "nearest",
            "nearest: POST api.stripe.com/v1/customers\nE?.*email: 'jenny@example.com', expected 'john@example.com'",
        ),
        ("nearest", r"> \d\d:\d\d:\d\d  POST    api.stripe.com/v1/customers  200     stripe \(modelled\)"),
        ("minefield", r"expected no POST api.stripe.com/\*\*; it was made"),
        ("collateral", r"expected no change; 1 other"),
        ("collateral", r"stripe   customer  cus_\w+  made  POST api.stripe.com/v1/customers"),
        ("for_another_reason", r"childproof: calls in world test_fails_for_another_reason-\d+"),
        ("for_another_reason", r"POST    api.stripe.com/v1/customers  200"),
        ("key", "@pytest.mark.world: unknown key 'sed'; expected one of seed"),
        ("key", "write: seed=…"),
        ("rules", r"@pytest.mark.world: no such world can be made\n  rules:3:5: .*4:5: rules.0: unknown key 'allo'"),
        ("kind", "there is no kind of stripe 'custmers'; did you mean 'customers'"),
        ("kind", r"POST    api.stripe.com/v1/customers  200"),
        ("mails", "0 = len\\(<mail: none>\\)"),
        ("keyword", r"servce is looked for in the body; did you mean service=…\?"),
        ("stub", r"the stub mine can't be used: .*mine/stub.yaml:2:1: unknown key 'resorces'.*write: resources:"),
        ("server", "server is gone, killed by signal 9, .*the next fixture starts another.*childproof: ready"),
    ],
)
def test_what_fails_says_why(outcomes: dict[str, str], name: str, said: str) -> None:
    """What was expected, the nearest call, its lines of the ledger; no dump and no traceback of ours."""
    told = re.sub(r"(?m)^E   ?", "", outcomes[f"test_fails_{name}"])
    assert re.search(said, told, re.DOTALL), told
    assert "childproof/testing/" not in told
    assert "childproof/client/" not in told


def test_collecting_starts_and_imports_nothing(tmp_path: Path) -> None:
    """Nor does a run whose tests use no fixture."""
    (tmp_path / "test_it.py").write_text(
        "def test_nothing(): pass\ndef test_world(world): pass\n"
        "def test_modules(request):\n    import sys\n"
        "    assert [name for name in sys.modules if name.startswith('childproof')] == ['childproof', 'childproof.pytest_plugin']\n"
    )
    assert "3 tests collected" in session(tmp_path, "--collect-only", "test_it.py").stdout
    assert list((tmp_path / "tmp").iterdir()) == []
    done = session(tmp_path, "-q", "test_it.py", "-k", "not world")
    assert "2 passed" in done.stdout, done.stdout
    assert list((tmp_path / "tmp").iterdir()) == []


def test_each_worker_of_xdist_has_a_server_of_its_own_which_ends_with_it(tmp_path: Path) -> None:
    """Of a process per worker, nothing is left. All of them go by the project's rules, but those of a test that has its own."""
    (tmp_path / "rules.yaml").write_text("version: 1\n# ours\ndefault: deny\nrules: []\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest, pathlib\n"
        "@pytest.mark.parametrize('n', [*range(7), pytest.param(7, marks=pytest.mark.world(rules=[]))])\n"
        "def test_world(world, n, worker_id):\n"
        "    assert ('# ours' in world.rules.read().text) is (n != 7)\n"
        "    from childproof.testing.server import _servers\n"
        "    [server] = _servers.values()\n"
        "    pathlib.Path(f'{worker_id}-{server.process.pid}').touch()\n"
    )
    done = session(tmp_path, "-n", "2", "-o", "childproof_rules=rules.yaml", "test_it.py")
    assert "8 passed" in done.stdout, done.stdout + done.stderr
    servers = [path.name.split("-") for path in tmp_path.glob("gw*-*")]
    assert sorted(worker for worker, _ in servers) == ["gw0", "gw1"]
    assert [pid for _, pid in servers if Path(f"/proc/{pid}").exists()] == []


@contextlib.contextmanager
def waiting_in_a_test(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A session that is within a test, and its server's process."""
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_it.py").write_text(
        "import time\n"
        "def test_world(world):\n"
        "    from childproof.testing.server import _servers\n"
        "    [server] = _servers.values()\n"
        "    print(server.process.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        command("-sq", "test_it.py"), cwd=folder, env=environment(folder), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_session_that_is_interrupted_or_killed(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C ends it as any session ends; after a kill, the server sees its input end."""
    with waiting_in_a_test(tmp_path) as (process, server):
        watched = os.pidfd_open(server)
        os.kill(process.pid, number)
        assert process.wait(20) == (2 if number == signal.SIGINT else -signal.SIGKILL)
        assert select.select([watched], [], [], 20)[0]  # readable when the process has ended
        os.close(watched)
    assert list((tmp_path / "tmp").iterdir()) == []
