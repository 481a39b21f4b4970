"""The authority on disk: made once, kept, private, and refused when it isn't."""

import contextlib
import datetime as dt
import os
import ssl
import stat
import threading

import pytest

from childproof.capture.mitm.ca import ensure_ca
from childproof.capture.mitm.leaf import Leaves
from childproof.errors import InputError


def test_it_is_made_once_and_reused(tmp_path):
    first = ensure_ca(tmp_path / "state")
    second = ensure_ca(tmp_path / "state")
    assert first.cert_pem.read_bytes() == second.cert_pem.read_bytes()
    assert first.certificate == second.certificate


def test_the_key_is_for_us_alone_and_not_in_the_certificate_file(tmp_path):
    ca = ensure_ca(tmp_path)
    assert stat.S_IMODE(ca.key_pem.stat().st_mode) == 0o600
    assert b"PRIVATE" not in ca.cert_pem.read_bytes()
    assert b"PRIVATE" in ca.key_pem.read_bytes()


def test_a_key_that_others_can_read_is_refused(tmp_path):
    ca = ensure_ca(tmp_path)
    ca.key_pem.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        ensure_ca(tmp_path)


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_a_broken_file_is_refused_with_its_name(tmp_path, content):
    ca = ensure_ca(tmp_path)
    ca.key_pem.write_bytes(content)
    with pytest.raises(InputError, match=r"childproof-ca\.pem"):
        ensure_ca(tmp_path)


def test_an_expired_authority_is_refused(tmp_path):
    ensure_ca(tmp_path)
    with pytest.raises(InputError, match="expired"):
        ensure_ca(tmp_path, now=lambda: dt.datetime.now(dt.UTC) + dt.timedelta(days=4000))


def test_two_that_start_at_once_get_the_same_authority(tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(ensure_ca(tmp_path).certificate)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["childproof-ca-cert.pem", "childproof-ca.pem"]


def test_a_lost_certificate_file_is_written_again(tmp_path):
    ca = ensure_ca(tmp_path)
    before = ca.cert_pem.read_bytes()
    ca.cert_pem.unlink()
    assert ensure_ca(tmp_path).cert_pem.read_bytes() == before


@pytest.mark.parametrize("kind", ["pipe", "link", "other"])
def test_what_somebody_put_in_the_place_of_the_certificate_is_replaced(tmp_path, kind):
    """A workload that can write there, though it shouldn't, neither holds up the proxy nor has it trust another file."""
    public = ensure_ca(tmp_path).cert_pem
    was = public.read_bytes()
    public.unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(was)
    if kind == "pipe":
        os.mkfifo(public)
    elif kind == "link":
        public.symlink_to(elsewhere)
    else:
        public.write_bytes(was.swapcase())
    assert ensure_ca(tmp_path).cert_pem.read_bytes() == was
    assert public.is_file()
    assert not public.is_symlink()
    assert stat.S_IMODE(public.stat().st_mode) == 0o644


@pytest.mark.parametrize("host", ["api.example", "203.0.113.7", "2001:db8::1", "a" * 60 + ".example.com"])
def test_a_leaf_is_trusted_for_its_host_by_strict_clients(tmp_path, host):
    ca = ensure_ca(tmp_path)
    client = ssl.create_default_context(cafile=str(ca.cert_pem))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    assert handshake(client, Leaves(ca).context_for(host), host)


def test_a_leaf_is_not_trusted_for_another_host(tmp_path):
    ca = ensure_ca(tmp_path)
    client = ssl.create_default_context(cafile=str(ca.cert_pem))
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(client, Leaves(ca).context_for("api.example"), "evil.example")


def test_contexts_are_kept(tmp_path):
    leaves = Leaves(ensure_ca(tmp_path))
    assert leaves.context_for("a.example") is leaves.context_for("a.example")
    assert leaves.openssl("a.example") is leaves.openssl("a.example")
    assert leaves.certificate("a.example") is leaves.certificate("a.example")


def handshake(client_context, server_context, host):
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server, client):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return client.getpeercert()
