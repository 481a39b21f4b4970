"""Reading everything again while calls are judged: the whole of the new, or the old and an event."""

import asyncio
import os
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from childproof.engine import Missing
from childproof.errors import InputError
from childproof.model import Action, Call, Outcome, Protocol
from childproof.run import reloading as module
from childproof.run.compose import Parts, compose
from childproof.run.config import Config, load_config
from childproof.run.reloading import _RUNNING, _WRITTEN, Reloader, read_again, reread
from childproof.run.watching import Watching

FIRST = "version: 1\nrules: [{name: first, match: {host: a.example}, reply: {status: 200, text: first}}]\n"
SECOND = FIRST.replace("first", "second")
STUB = """
stub: shop
hosts: [shop.example]
openapi: openapi.yaml
resources:
  order: {schema: order}
"""
DOCUMENT = """
openapi: 3.0.0
info: {title: Shop, version: "1"}
paths:
  /hello:
    get: {responses: {"200": {description: ok, content: {application/json: {schema: {type: object}}}}}}
components: {schemas: {order: {type: object, properties: {id: {type: string}}}}}
"""
PYTHON = """
from childproof.stubkit import operation
from .words import SAID

@operation("GET /hello")
def hello(ctx):
    return {"said": SAID}
"""
LED = "version: 1\nrules: [{name: shop, match: {host: shop.example}, stub: shop}]\n"


@pytest.fixture
def parts(tmp_path: Path):
    file = tmp_path / "rules.yaml"
    file.write_text(FIRST)
    made = compose(Config(state_dir=tmp_path, store=":memory:", rules=(file,)), worlds=("main",))
    yield made
    made.close()


def rewrite(parts: Parts, text: str) -> None:
    parts.config.rules[0].write_text(text)


def called(parts: Parts, host: str = "a.example", path: str = "/", **more: object) -> Outcome:
    call = Call(Protocol.HTTP, host, 443, "main", "", method="GET", path=path, scheme="https", **more)
    return parts.engine.handle(call)


def answered(parts: Parts) -> tuple[Action, str | None]:
    verdict = called(parts).verdict
    return verdict.action, verdict.rule


def reload(parts: Parts, *changes: Callable[[], object]) -> list[str]:
    """Each change, and a reload after it; what was said."""
    said: list[str] = []

    async def run() -> None:
        async with Reloader(parts, said.append) as reloader:
            for change in changes or (lambda: None,):
                change()
                reloader.request()
                await reloader.done()

    asyncio.run(run())
    return said


def test_a_new_ruleset_holds_from_the_next_call_on(parts):
    assert answered(parts) == (Action.REPLY, "first")
    assert reload(parts, lambda: rewrite(parts, SECOND)) == ["the rules were read again"]
    assert answered(parts) == (Action.REPLY, "second")


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nrules: [",
        "",
        "version: 9\nrules: []\n",
        SECOND + "  - {name: third}\n",
        SECOND.replace("reply:", "replies:"),
        SECOND.replace("a.example", "a..example"),
        "version: 1\ninclude: [nowhere.yaml]\nrules: []\n",
        "version: 1\nrules: [{name: x, match: {host: a.example}, stub: nobody}]\n",
        "version: 1\nrules: [{name: x, match: {host: a.example}, when: 'call.nothing', deny: {}}]\n",
        "\x00\x01",
    ],
    ids=["torn", "empty", "version", "half", "unknown key", "bad host", "include", "stub", "condition", "bytes"],
)
def test_a_broken_file_leaves_the_old_rules_in_force_and_is_told_with_its_place(parts, text):
    """None of the new rules holds, not even those that are whole; readiness says why."""
    [event] = reload(parts, lambda: rewrite(parts, text))
    assert answered(parts) == (Action.REPLY, "first")
    assert event.startswith("the rules stay as they were, the new ones are broken:\n")
    assert "rules.yaml" in event or "nowhere.yaml" in event
    told = parts.reloads.as_json()
    assert (told["ok"], told["failed"], told["fault"] in event) == (False, 1, True)


@pytest.mark.parametrize("what", ["gone", "a folder", "no text"])
def test_a_file_that_can_not_be_read_leaves_the_old_rules_in_force(parts, what):
    file = parts.config.rules[0]
    file.unlink()
    if what == "a folder":
        file.mkdir()
    elif what == "no text":
        file.write_bytes(b"\xff\xfe")
    said = reload(parts)
    assert answered(parts) == (Action.REPLY, "first")
    assert "the rules stay as they were" in said[0]


def test_a_file_that_never_ends_is_given_up_and_not_the_last_that_is_read(parts, monkeypatch):
    """A pipe in the place of the rules: the reload has failed, and the next one works."""
    monkeypatch.setattr(module, "LONGEST", 0.05)
    file = parts.config.rules[0]
    pipe = file.with_name("was.yaml")

    def mend() -> None:
        monkeypatch.setattr(module, "LONGEST", 60.0)
        file.rename(pipe)
        rewrite(parts, SECOND)

    file.unlink()
    os.mkfifo(file)
    try:
        failed, done = reload(parts, lambda: None, mend)
    finally:
        os.close(os.open(pipe if pipe.exists() else file, os.O_WRONLY | os.O_NONBLOCK))  # who reads it is let go
    assert "could not be read in 0.05 s" in failed
    assert (done, answered(parts)) == ("the rules were read again", (Action.REPLY, "second"))
    assert (parts.reloads.failed, parts.reloads.succeeded) == (1, 1)


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("deep"), OSError(24, "Too many open files")])
def test_trouble_of_our_own_leaves_the_old_rules_in_force(parts, monkeypatch, error):
    """Out of memory or descriptors in the middle of it: no exception gets to the loop, no rule is lost."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(module, "load_policy", fail)
    said = reload(parts, lambda: rewrite(parts, SECOND))
    assert answered(parts) == (Action.REPLY, "first")
    assert said == [f"the rules stay as they were, {error!r}"]


def test_no_thread_to_read_in_leaves_the_old_rules_in_force(parts, monkeypatch):
    """The machine may have none left; what Python does by itself is set back."""
    monkeypatch.setattr(threading.Thread, "start", lambda _: (_ for _ in ()).throw(RuntimeError("no thread")))
    before = sys.getswitchinterval()
    assert "no thread" in reload(parts, lambda: rewrite(parts, SECOND))[0]
    assert (answered(parts), sys.getswitchinterval()) == ((Action.REPLY, "first"), before)


def test_what_became_of_reloads_is_counted(parts):
    watched = replace(parts, watching=Watching())
    reload(watched, lambda: rewrite(watched, "version: 1\nrules: ["), lambda: rewrite(watched, SECOND))
    assert "\nchildproof_trouble_total 1\n" in watched.watching.exposition(Missing())
    told = parts.reloads.as_json()
    assert {name: told[name] for name in ("ok", "succeeded", "failed")} == {"ok": True, "succeeded": 1, "failed": 1}
    assert "fault" not in told
    assert not parts.reloads.pending


def test_a_ruleset_that_is_replaced_goes_at_once(parts):
    """Ten thousand rules a reload would otherwise wait for a collector that may never come by."""
    import weakref  # noqa: PLC0415 (for this test alone)

    former = weakref.ref(parts.engine.rules)
    parts.engine.may_allow("main", "a.example", 443)
    reload(parts, lambda: rewrite(parts, SECOND))
    assert former() is None


class TestStubs:
    @pytest.fixture
    def parts(self, tmp_path: Path):
        folder = tmp_path / "stubs" / "shop"
        folder.mkdir(parents=True)
        for name, text in (
            ("stub.yaml", STUB),
            ("openapi.yaml", DOCUMENT),
            ("hello.py", PYTHON),
            ("words.py", "SAID = 1\n"),
        ):
            (folder / name).write_text(text)
        rules = tmp_path / "rules.yaml"
        rules.write_text(LED)
        config = Config(state_dir=tmp_path, store=":memory:", rules=(rules,), stubs=(folder.parent,))
        made = compose(config, worlds=("main",))
        yield made
        made.close()

    @staticmethod
    def said(parts: Parts) -> bytes:
        reply = called(parts, "shop.example", "/hello").reply
        assert reply is not None
        return reply.body

    def test_a_changed_stub_is_loaded_anew_with_all_its_files_and_no_other_is(self, parts):
        """Also where the change is of one character in the same second, and in a file that another one imports."""
        shop = parts.config.stubs[0] / "shop"
        mail = parts.catalog.get("email")
        before = {name for name in sys.modules if name.startswith("_childproof_stub_shop")}
        assert self.said(parts) == b'{"said":1}'
        reload(parts, lambda: (shop / "words.py").write_text("SAID = 2\n"))
        assert self.said(parts) == b'{"said":2}'
        assert parts.catalog.get("email") is mail
        loaded = parts.catalog.get("shop")
        reload(parts)
        assert parts.catalog.get("shop") is loaded
        import gc  # noqa: PLC0415 (a stub's parts know each other)

        gc.collect()
        assert not before & sys.modules.keys()
        (shop / "openapi.yaml").write_text(DOCUMENT.replace("/hello", "/hallo"))
        (shop / "hello.py").write_text(PYTHON.replace("/hello", "/hallo"))
        reload(parts)
        assert called(parts, "shop.example", "/hello").reply.status == 404
        assert called(parts, "shop.example", "/hallo").reply.status == 200

    @pytest.mark.parametrize(
        ("file", "text"),
        [
            ("words.py", "SAID = = 2\n"),
            ("words.py", "raise ValueError('not today')\n"),
            ("words.py", "SAID = 2\nimport os\n"),
            ("hello.py", PYTHON.replace("GET /hello", "GET /nowhere")),
            ("stub.yaml", "stub: ["),
            ("openapi.yaml", "openapi: [3"),
        ],
        ids=["syntax", "raises", "impure", "unknown path", "yaml", "document"],
    )
    def test_a_broken_stub_leaves_the_old_one_and_the_old_rules(self, parts, file, text):
        shop = parts.config.stubs[0] / "shop"
        parts.config.rules[0].write_text(LED.replace("name: shop", "name: other"))
        known = set(sys.modules)
        said = reload(parts, lambda: (shop / file).write_text(text))
        assert "the rules stay as they were" in said[0]
        assert file in said[0]
        assert self.said(parts) == b'{"said":1}'
        assert called(parts, "shop.example", "/hello").verdict.rule == "shop"
        assert not [name for name in set(sys.modules) - known if name.startswith("_childproof_stub_")]

    def test_a_new_folder_is_found_and_one_that_is_gone_is_missed(self, parts):
        both = LED.replace("]\n", ", {name: b, match: {host: b.example}, stub: b}]\n")
        folder = parts.config.stubs[0] / "b"

        def add() -> None:
            folder.mkdir()
            (folder / "stub.yaml").write_text(STUB.replace("shop", "b"))
            (folder / "openapi.yaml").write_text(DOCUMENT)
            parts.config.rules[0].write_text(both)

        def remove() -> None:
            (folder / "stub.yaml").unlink()

        said = reload(parts, add, remove)
        assert said[0] == "the rules were read again"
        assert "'b'" in said[1]
        assert called(parts, "b.example", "/hello").verdict.stub == "b"


class TestConfiguration:
    @pytest.fixture
    def folder(self, tmp_path: Path):
        (tmp_path / "rules.yaml").write_text(FIRST)
        (tmp_path / "other.yaml").write_text(SECOND)
        (tmp_path / "token").write_text("first-token-0001\n")
        return tmp_path

    @staticmethod
    def written(folder: Path, text: str) -> None:
        (folder / "childproof.yaml").write_text(f"state: .\nstore: box.db\n{text}")

    @pytest.fixture
    def parts(self, folder: Path):
        self.written(folder, "rules: [rules.yaml]\ncanaries: [{name: token, file: token}]\n")
        made = compose(load_config({}, folder), worlds=("main",))
        yield made
        made.close()

    def test_what_can_change_while_serving_does(self, parts, folder):
        told: list[Config] = []
        parts.reloads.applied.append(told.append)
        text = "rules: [other.yaml]\nlimits: {body: 10B}\nwebhooks: {deliver: {a.example: 3000}}\n"
        assert reload(parts, lambda: self.written(folder, text)) == ["the rules were read again"]
        assert answered(parts) == (Action.REPLY, "second")
        assert called(parts, body=b"x" * 11).reply.status == 413
        assert [*told[0].webhooks.deliver] == ["a.example"]

    def test_what_can_not_is_told_by_its_name_and_the_rest_is_applied(self, parts, folder):
        text = (
            "rules: [other.yaml]\nlisten: [{world: x, http: 127.0.0.1:1}]\nlimits: {connections: 7}\n"
            "webhooks: {loopback: true}\n"
        )
        said = reload(parts, lambda: self.written(folder, text))
        assert said == [
            "the rules were read again",
            "listen changed: restart to apply it",
            "limits.connections changed: restart to apply it",
            "webhooks.loopback changed: restart to apply it",
        ]
        assert answered(parts) == (Action.REPLY, "second")
        assert parts.reloads.as_json()["restart_for"] == ["listen", "limits.connections", "webhooks.loopback"]

    def test_the_page_says_of_every_setting_when_it_takes_effect(self):
        page = Path(__file__).parents[3].joinpath("docs", "observability.md").read_text()
        [row] = re.findall(r"^\| `listen`, .*$", page, re.MULTILINE)
        waiting = [_WRITTEN.get(name, name) for name in Config.__dataclass_fields__ if name not in _RUNNING]
        told = set(re.findall(r"`([a-z_.]+)`", row.split("|")[1]))
        assert told == {*waiting, "webhooks.loopback"}

    @pytest.mark.parametrize("text", ["rules: [other.yaml]\nrulez: 1\n", "rules: [nowhere.yaml]\n", "rules: [", None])
    def test_a_broken_configuration_changes_nothing(self, parts, folder, text):
        """A file that is gone least of all: without one, the rules that ship would be in force."""
        change = (folder / "childproof.yaml").unlink if text is None else lambda: self.written(folder, text)
        [said] = reload(parts, change)
        assert "the rules stay as they were" in said
        assert answered(parts) == (Action.REPLY, "first")

    def test_flags_still_win(self, folder):
        self.written(folder, "rules: [rules.yaml]\n")
        config = load_config({}, folder).override(rules=(folder / "rules.yaml",), stubs=(folder,))
        self.written(folder, "rules: [other.yaml]\nstubs: [more]\n")
        now, waiting = reread(config)
        assert (now.rules, now.stubs, waiting) == ((folder / "rules.yaml",), (folder / "more", folder), ())

    def test_a_rotated_token_is_the_one_that_may_not_leave(self, parts, folder):
        def rotate() -> None:
            (folder / "token").write_text("second-token-0002\n")
            (folder / "rules.yaml").write_text(
                'version: 1\nrules: [{name: all, match: {host: "*.example"}, allow: {}}]\n'
            )

        reload(parts, rotate)
        said = called(parts, headers=(("x", "second-token-0002"),)).verdict
        assert (said.action, "token" in said.reason) == (Action.DENY, True)


def test_files_that_change_while_they_are_read_are_read_again(parts, monkeypatch):
    """What is in force is never half of one state and half of another."""
    real, reads = module.load_policy, []

    def load(*args: object) -> object:
        loaded = real(*args)
        reads.append(1)
        if len(reads) < 3:
            rewrite(parts, SECOND + "#" * len(reads))
        return loaded

    monkeypatch.setattr(module, "load_policy", load)
    known = [parts.config.rules[0]]
    fresh = read_again(parts.config, parts.catalog, {}, known)
    assert ([rule.name for rule in fresh.rules.rules], len(reads)) == (["second"], 3)

    def restless(*args: object) -> object:
        loaded = real(*args)
        rewrite(parts, SECOND + "#" * next(numbers))
        return loaded

    numbers = iter(range(100, 200))
    monkeypatch.setattr(module, "load_policy", restless)
    with pytest.raises(InputError, match="files that change while they are read"):
        read_again(parts.config, parts.catalog, {}, known)


def test_whoever_asks_during_a_reload_gets_another_after_it(parts, monkeypatch):
    """They don't overlap, and the last one wins: ten requests are two reloads."""
    real, reads = module.read_again, []

    def read(*args: object) -> object:
        reads.append(os.getpid())
        fresh = real(*args)
        if len(reads) == 1:
            rewrite(parts, SECOND)
            loop.call_soon_threadsafe(lambda: [reloader.request() for _ in range(10)])
        return fresh

    said: list[str] = []
    monkeypatch.setattr(module, "read_again", read)

    async def run() -> None:
        nonlocal loop, reloader
        loop = asyncio.get_running_loop()
        async with Reloader(parts, said.append) as reloader:
            reloader.request()
            while len(said) < 2:
                await reloader.done()
                await asyncio.sleep(0)

    loop: asyncio.AbstractEventLoop
    reloader: Reloader
    asyncio.run(run())
    assert (len(reads), answered(parts)) == (2, (Action.REPLY, "second"))


class TestWatching:
    """Changes of files are found without anybody's signal."""

    @staticmethod
    def watched(parts: Parts, monkeypatch: pytest.MonkeyPatch, *changes: Callable[[], object]) -> list[str]:
        """Each change, and what came of it."""
        said: list[str] = []
        monkeypatch.setattr(module, "SETTLED", 0.02)

        async def run() -> None:
            heard: asyncio.Queue[str] = asyncio.Queue()
            async with Reloader(parts, heard.put_nowait, watch=True, every=0.02):
                for change in changes:
                    change()
                    said.append(await heard.get())

        asyncio.run(asyncio.wait_for(run(), 30))
        return said

    def test_a_mounted_configmap_is_swapped_as_a_whole(self, tmp_path, monkeypatch):
        """Its files are links through `..data`, which is what changes; an include that is new is followed, too."""
        volume = tmp_path / "volume"

        def publish(name: str, **files: str) -> None:
            (volume / name).mkdir(parents=True)
            for file, text in files.items():
                (volume / name / f"{file}.yaml").write_text(text)
                if not (volume / f"{file}.yaml").is_symlink():
                    (volume / f"{file}.yaml").symlink_to(f"..data/{file}.yaml")
            (volume / "..tmp").symlink_to(name)
            (volume / "..tmp").replace(volume / "..data")

        publish("..1", rules=FIRST)
        config = Config(state_dir=tmp_path, store=":memory:", rules=(volume / "rules.yaml",))
        parts = compose(config, worlds=("main",))
        including = FIRST.replace("rules:", "include: [more.yaml]\nrules:")
        said = self.watched(
            parts, monkeypatch,
            lambda: publish("..2", rules=SECOND),
            lambda: publish("..3", rules=including, more=SECOND.replace("a.example", "b.example")),
            lambda: publish("..4", rules=including, more=SECOND.replace("a.example", "b.example").replace("second", "third")),
        )  # fmt: skip
        assert said == ["the rules were read again"] * 3
        assert (answered(parts)[1], called(parts, "b.example").verdict.rule) == ("first", "third")
        parts.close()

    def test_an_editor_that_writes_by_rename_is_one_change(self, parts, monkeypatch):
        file = parts.config.rules[0]

        def edit() -> None:
            file.rename(file.with_suffix(".bak"))  # away for a moment
            file.with_suffix(".swp").write_text(SECOND)
            file.with_suffix(".swp").rename(file)

        assert self.watched(parts, monkeypatch, edit) == ["the rules were read again"]
        assert answered(parts) == (Action.REPLY, "second")

    def test_a_file_that_is_away_is_waited_for_and_then_told(self, parts, monkeypatch):
        """As long as it may be put back nothing happens; after that it is a fault, and what it is put back with counts."""
        file = parts.config.rules[0]
        monkeypatch.setattr(module, "PATIENCE", 0.1)
        said = self.watched(parts, monkeypatch, file.unlink, lambda: file.write_text(SECOND))
        assert ["stay as they were" in event for event in said] == [True, False]
        assert answered(parts) == (Action.REPLY, "second")

    def test_an_include_that_was_missing_is_enough_when_it_comes(self, parts, monkeypatch):
        """The file that named it hasn't changed since."""
        file = parts.config.rules[0]
        said = self.watched(
            parts, monkeypatch,
            lambda: file.write_text(FIRST.replace("rules:", "include: [more.yaml]\nrules:")),
            lambda: (file.parent / "more.yaml").write_text(SECOND.replace("a.example", "b.example")),
        )  # fmt: skip
        assert ["stay as they were" in event for event in said] == [True, False]
        assert called(parts, "b.example").verdict.rule == "second"
