"""Stores of the system, of Java and of NSS: each family's folder and command, and nobody else's files."""

import shutil

import pytest

from childproof.capture.mitm.ca import ensure_ca
from childproof.capture.mitm.rotation import rotate
from childproof.errors import ChildproofError
from childproof.sandbox.trust import stores


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return ensure_ca(tmp_path_factory.mktemp("before"))


@pytest.fixture
def ran():
    commands = []
    return commands, commands.append


@pytest.mark.parametrize(
    ("folder", "ending", "command"),
    [
        ("usr/local/share/ca-certificates", ".crt", ("update-ca-certificates",)),
        ("etc/pki/ca-trust/source/anchors", ".pem", ("update-ca-trust", "extract")),
        ("etc/pki/trust/anchors", ".pem", ("update-ca-certificates",)),
        ("etc/ca-certificates/trust-source/anchors", ".crt", ("update-ca-trust",)),
    ],
)
def test_each_family_has_its_folder_and_its_command(tmp_path, before, ran, folder, ending, command):
    """What was there stays; a rotated authority takes the former one's place; uninstalling takes ours alone."""
    commands, run = ran
    (tmp_path / folder).mkdir(parents=True)
    other = tmp_path / folder / f"company{ending}"
    other.write_text("theirs")
    [first], layout = stores.install_system(before.trusted, root=tmp_path, run=run)
    assert (first.read_bytes(), first.suffix, layout.command) == (before.public, ending, command)
    following, _ = rotate(before.key_pem.parent, "prepare")
    files, _ = stores.install_system(following.trusted[1:], root=tmp_path, run=run)
    assert sorted((tmp_path / folder).iterdir()) == sorted([other, *files])
    gone, _ = stores.uninstall_system(root=tmp_path, run=run)
    assert gone == files
    assert list((tmp_path / folder).iterdir()) == [other]
    assert commands == [command] * 3
    assert stores.uninstall_system(root=tmp_path, run=run)[0] == []
    assert len(commands) == 3


def test_a_system_of_no_family_and_a_mac_are_told_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ChildproofError, match=r"ca print --bundle > bundle\.pem"):
        stores.layout_of(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/security" if name == "security" else None)
    with pytest.raises(ChildproofError, match="add-trusted-cert"):
        stores.layout_of(tmp_path)


@pytest.mark.skipif(not shutil.which("keytool"), reason="there is no keytool")
def test_a_java_store_takes_it_in_javas_own_words(tmp_path, before, monkeypatch):
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")  # half the time
    store = tmp_path / "cacerts"
    stores.add_to_java(store, before.trusted, keytool=shutil.which("keytool"))
    assert store.stat().st_size > 500


def test_a_java_store_that_has_it_is_left_alone(tmp_path, before, ran):
    commands, run = ran
    stores.add_to_java(tmp_path / "cacerts", before.trusted, keytool="keytool", run=run)
    assert [command[1] for command in commands] == ["-list"]


def test_an_nss_database_is_made_where_there_is_none(tmp_path, before, ran):
    commands, run = ran
    stores.add_to_nss(tmp_path / "nssdb", before.trusted, certutil="certutil", run=run)
    made, added = commands
    assert made == ("certutil", "-d", f"sql:{tmp_path}/nssdb", "-N", "--empty-password")
    assert added[:6] == ("certutil", "-d", f"sql:{tmp_path}/nssdb", "-A", "-t", "C,,")
    commands.clear()
    stores.remove_from_nss(tmp_path / "nssdb", before.trusted, certutil="certutil", run=run)
    stores.remove_from_java(tmp_path / "cacerts", before.trusted, keytool="keytool", run=run)
    assert [(command[0], command[-1]) for command in commands] == [("certutil", added[7]), ("keytool", added[7])]


def test_a_tool_that_fails_is_quoted():
    with pytest.raises(ChildproofError, match=r"sh -c failed: no such store"):
        stores.run_tool(["sh", "-c", "echo no such store >&2; exit 3"])
    with pytest.raises(ChildproofError, match="can't be run"):
        stores.run_tool(["/nowhere/certutil"])
