"""`childproof ca`: what it prints, and what it refuses. Rotation and stores themselves are tested beside them."""

import datetime as dt
import json

import pytest
from click.testing import CliRunner

from childproof.capture.mitm.ca import fingerprint
from childproof.cli.ca import ca
from childproof.errors import ChildproofError, StoreError
from childproof.run.authority import open_ca
from childproof.run.config.config import Config
from childproof.sandbox.trust import stores
from tests.unit.capture.mitm.authorities import NOW, Made, mount


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHILDPROOF_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))

    def run(*arguments):
        result = CliRunner().invoke(ca, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output

    return run


def test_it_shows_and_prints_what_is_to_be_trusted_and_never_the_key(call, tmp_path):
    shown = json.loads(call("show", "--json"))
    made = open_ca(Config(tmp_path / "state"))
    assert (shown["sha256"], shown["rotation"], shown["origin"]) == (
        fingerprint(made.certificate),
        "steady",
        "made by childproof",
    )
    assert f"sha256       {shown['sha256']}" in call("show")
    assert call("print").encode() == made.public
    assert call("print", "--bundle").endswith(made.public.decode())
    assert "PRIVATE" not in call("print", "--bundle")


def test_a_rotation_tells_the_next_step_and_publishes_each(call, tmp_path):
    (tmp_path / "pub").mkdir()
    (tmp_path / "childproof.yaml").write_text("ca: {publish: pub}")
    assert call("rotate") == "steady; next: childproof ca rotate prepare\n"
    assert call("rotate", "prepare").endswith("prepared; next: childproof ca rotate switch\n")
    assert (tmp_path / "pub/childproof-ca-cert.pem").read_bytes().count(b"BEGIN") == 2
    assert "prepare: was done already" in call("rotate", "prepare")
    with pytest.raises(ChildproofError, match="childproof ca rotate switch"):
        call("rotate", "retire")


def test_a_mounted_authority_is_rotated_by_who_made_it(call, tmp_path):
    today = (dt.datetime.now(dt.UTC) - NOW).days
    made = Made(days=(today - 1, today + 90))
    mount(tmp_path / "secret", made, key=made)
    (tmp_path / "childproof.yaml").write_text("ca: {cert: secret/tls.crt, key: secret/tls.key}")
    assert json.loads(call("show", "--json"))["origin"] == "mounted"
    with pytest.raises(ChildproofError, match="whoever made it rotates it"):
        call("rotate", "prepare")


def test_installing_says_what_it_did(call, monkeypatch, tmp_path):
    done = []
    monkeypatch.setattr(stores, "install_system", lambda roots: ([tmp_path / "one.crt"], stores.LAYOUTS[-1]))
    monkeypatch.setattr(stores, "add_to_java", lambda store, roots, keytool: done.append((store, keytool)))
    assert call("install") == f"installed {tmp_path}/one.crt\nran update-ca-certificates (Debian, Ubuntu, Alpine)\n"
    (tmp_path / "cacerts").touch()
    monkeypatch.setattr(stores, "keytool_for", lambda store: "/jdk/bin/keytool")
    assert call("install", "--java", "cacerts") == "installed in cacerts\n"
    assert [keytool for _, keytool in done] == ["/jdk/bin/keytool"]
    monkeypatch.setattr(stores, "keytool_for", lambda store: None)
    with pytest.raises(ChildproofError, match="keytool isn't there"):
        call("install", "--java", "cacerts")


def test_a_user_who_may_not_install_is_told_how_root_does_it_with_the_same_authority(call, monkeypatch, tmp_path):
    """Root's own state folder holds another one."""
    monkeypatch.setattr(stores, "LAYOUTS", (stores.Layout("proc", "/proc/self", ".crt", ("true",)),))
    monkeypatch.delenv("CHILDPROOF_STATE")
    (tmp_path / "childproof.yaml").write_text("state: kept")
    with pytest.raises(StoreError) as caught:
        call("install")
    written = f"sudo env CHILDPROOF_STATE={tmp_path}/kept childproof ca install --config {tmp_path}/childproof.yaml"
    assert str(caught.value).endswith(f"expected a user who may write there\n    write: {written}")
