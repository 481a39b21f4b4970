"""Which authority signs, what is published of it, and what happens when it changes under a running proxy."""

import asyncio
import datetime as dt
import errno
import stat
from pathlib import Path

import pytest

from childproof.capture.mitm import ca as ca_module
from childproof.capture.mitm.ca import CERT_NAME, KEY_NAME, ensure_ca
from childproof.capture.mitm.rotation import rotate
from childproof.errors import InputError, StoreError
from childproof.run.authority import Authority, open_ca, publish, reload_ca, tended
from childproof.run.config.config import CAFiles, Config, load_config
from tests.unit.capture.mitm.authorities import NOW, Made, mount

PUBLISHED = {"childproof-ca-cert.pem", "bundle.pem", "cacerts.jks", "childproof.env", "wgetrc", "trust.sh"}


class Signing:
    def __init__(self):
        self.signers = []
        self.changed = asyncio.Event()

    def replace_ca(self, ca):
        self.signers.append(ca.certificate)
        self.changed.set()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pub").mkdir()
    return tmp_path


def config(folder, **ca):
    return Config(folder / "state", ca=CAFiles(**{"publish": folder / "pub", **ca}))


def trusted(folder):
    return (folder / "pub" / CERT_NAME).read_bytes().count(b"BEGIN CERTIFICATE")


def test_what_workloads_need_is_published_and_never_a_key(folder):
    Authority(config(folder))
    files = {path.name: path for path in (folder / "pub").iterdir()}
    assert set(files) == PUBLISHED
    assert b"PRIVATE" in (folder / "state" / KEY_NAME).read_bytes()
    for path in files.values():
        assert b"PRIVATE KEY-----" not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    lines = files["childproof.env"].read_text().splitlines()
    assert f"SSL_CERT_FILE={folder}/pub/bundle.pem" in lines
    assert f"NODE_EXTRA_CA_CERTS={folder}/pub/childproof-ca-cert.pem" in lines
    before = {path: path.stat().st_mtime_ns for path in files.values()}
    Authority(config(folder))
    assert {path: path.stat().st_mtime_ns for path in files.values()} == before


@pytest.mark.parametrize("place", ["state", "."])
def test_the_keys_own_folder_is_never_published(tmp_path, place):
    ca = ensure_ca(tmp_path / "state")
    with pytest.raises(InputError, match="holds the authority's key"):
        publish(ca, tmp_path / place)


@pytest.mark.parametrize(("place", "said"), [("missing", "no such folder"), ("/proc/self", "can't be published here")])
def test_a_folder_that_is_missing_or_can_not_be_written_is_named(tmp_path, place, said):
    with pytest.raises(StoreError, match=said) as caught:
        publish(ensure_ca(tmp_path / "state"), tmp_path / place)
    assert caught.value.exit_code == 4
    assert "mkdir -p" in str(caught.value)
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("file", "loop"):  # no folder is made here
        with pytest.raises(StoreError, match="can't be published here") as caught:
            publish(ensure_ca(tmp_path / "state"), tmp_path / name)


def test_a_read_only_state_folder_does_where_it_holds_an_authority(folder, monkeypatch):
    def read_only(*args, **more):
        raise OSError(errno.EROFS, "Read-only file system")

    made = ensure_ca(folder / "state")
    monkeypatch.setattr(ca_module, "place", read_only)
    assert ensure_ca(folder / "state") == made
    made.cert_pem.unlink()
    with pytest.raises(StoreError, match="Read-only file system"):
        ensure_ca(folder / "state")
    with pytest.raises(StoreError, match="CHILDPROOF_STATE"):
        ensure_ca(folder / "other")


def test_a_key_that_a_volumes_group_was_given_is_taken_back(tmp_path):
    """fsGroup does that at each mount, and it is no reason not to start."""
    ca = ensure_ca(tmp_path)
    ca.key_pem.chmod(0o660)
    assert ensure_ca(tmp_path) == ca
    assert stat.S_IMODE(ca.key_pem.stat().st_mode) == 0o600


def test_the_file_names_both_halves_of_a_mounted_authority_or_none(tmp_path):
    (tmp_path / "childproof.yaml").write_text("ca: {cert: tls.crt, key: secret/tls.key, publish: pub}")
    given = load_config({"HOME": "/"}, tmp_path).ca
    assert given == CAFiles(tmp_path / "tls.crt", tmp_path / "secret/tls.key", tmp_path / "pub")
    for broken in ("{cert: tls.crt}", "{key: tls.key}", "{certificate: tls.crt}"):
        (tmp_path / "childproof.yaml").write_text(f"ca: {broken}")
        with pytest.raises(InputError):
            load_config({"HOME": "/"}, tmp_path)


def test_a_replaced_secret_signs_from_then_on_and_a_broken_one_changes_nothing(folder):
    """And the former stays trusted, as another proxy of these workloads may sign with it a moment longer."""
    first, second, said, signing = Made("first"), Made("second"), [], Signing()
    cert, key = mount(folder / "secret", first, key=first)
    authority = Authority(config(folder, cert=cert, key=key), now=lambda: NOW)
    assert authority.files == (cert, key)
    assert authority.ca.cert_pem == folder / "state" / CERT_NAME
    assert reload_ca(authority, signing, said.append)
    assert (signing.signers, said) == ([], [])

    mount(folder / "secret", second, key=first)
    warned = []
    assert not reload_ca(authority, signing, said.append, warned.append)
    assert (authority.ca.certificate, said) == (first.certificate, [])
    said += warned
    assert "stays as it was" in said[-1]
    assert trusted(folder) == 1

    mount(folder / "secret", second, key=second)
    assert reload_ca(authority, signing, said.append)
    assert signing.signers == [second.certificate]
    assert trusted(folder) == 2
    key.unlink()
    assert not reload_ca(authority, signing, said.append)
    assert authority.ca.certificate == second.certificate
    assert "PRIVATE" not in "".join(said)


def test_a_folder_that_fills_up_keeps_the_former_authority_in_force(folder, monkeypatch):
    """What can't be published must not sign: workloads would meet what they can't know."""
    said, signing = [], Signing()
    authority = Authority(config(folder))
    first = authority.ca.certificate
    rotate(folder / "state", "prepare")
    rotate(folder / "state", "switch")
    monkeypatch.setattr("childproof.run.authority.show", full)
    assert not reload_ca(authority, signing, said.append)
    assert (authority.ca.certificate, signing.signers) == (first, [])
    assert "No space left" in said[-1]


def full(path: Path, public: bytes) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("days", "warned"), [((-1, 90), False), ((-80, 26), True), ((-1, 9), False), ((-8, 2), True)])
def test_it_warns_before_it_expires(folder, days, warned):
    """A month before, or in the last quarter of a life that is shorter than four."""
    made = Made(days=days)
    cert, key = mount(folder / "secret", made, key=made)
    authority = Authority(config(folder, cert=cert, key=key), now=lambda: NOW)
    assert bool(authority.warning) is warned
    assert authority.told()["warning"] == authority.warning
    assert authority.expiry() == (NOW + dt.timedelta(days=days[1])).timestamp()


def test_while_it_is_tended_a_change_is_taken_over_with_or_without_a_watch(folder):
    """A file watch, and a call for SIGHUP; the warning is said once, not at each look."""
    made = Made(days=(-80, 5))
    cert, key = mount(folder / "secret", made, key=made)
    authority = Authority(config(folder, cert=cert, key=key), now=lambda: NOW)
    said, signing = [], Signing()

    async def tend(watch, change):
        signing.changed = asyncio.Event()
        async with tended(authority, signing, said.append, watch=watch, every=0.01) as again:
            await asyncio.sleep(0.05)
            mount(folder / "secret", change, key=change)
            if not watch:
                again()
            async with asyncio.timeout(10):
                await signing.changed.wait()

    following = [Made("second"), Made("third")]
    asyncio.run(tend(True, following[0]))
    asyncio.run(tend(False, following[1]))
    assert signing.signers == [one.certificate for one in following]
    assert sum("expires at 2026-06-06" in line for line in said) == 1


def test_a_mounted_key_is_used_where_it_is_and_copied_nowhere(folder):
    made = Made()
    cert, key = mount(folder / "secret", made, key=made)
    open_ca(config(folder, cert=cert, key=key), now=lambda: NOW)
    held = [path for path in folder.rglob("*") if path.is_file() and b"PRIVATE" in path.read_bytes()]
    assert held == [key]
