"""What is read again besides rules: stubs, the configuration, credentials."""

import re
import sys
from pathlib import Path

import pytest

from childproof.model import Action
from childproof.run.compose import Parts, compose
from childproof.run.config.config import Config, load_config
from childproof.run.server.reloading import _RUNNING, _WRITTEN, reread
from tests.unit.run.server.reloaded import FIRST, SECOND, answered, called, reload

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
        page = Path(__file__).parents[4].joinpath("docs", "observability.md").read_text()
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
