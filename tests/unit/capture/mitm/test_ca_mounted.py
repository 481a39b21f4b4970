"""An authority that others made: taken where every client would trust its certificates, else one message each."""

import datetime as dt
import os
import ssl

import pytest

from childproof.capture.mitm.leaf import Leaves
from childproof.capture.mitm.mounted import read_mounted, read_public
from childproof.errors import InputError
from tests.unit.capture.mitm.authorities import CLIENTS_ONLY, NOW, Made, mount
from tests.unit.capture.mitm.test_ca import handshake


def read(files, shown="/nowhere"):
    return read_mounted(*files, shown, now=lambda: NOW)


@pytest.fixture(scope="module")
def root():
    return Made("root")


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_chain_in_any_order_is_sent_along_and_its_root_is_what_to_trust(tmp_path, kind, root):
    """Who knows the root alone must be able to build the path."""
    between = Made("between", issuer=root)
    signing = Made("signing", kind, issuer=between, length=0)
    ca = read(mount(tmp_path, root, signing, between, key=signing))
    assert (ca.certificate, ca.chain, ca.trusted) == (
        signing.certificate,
        (signing.certificate, between.certificate),
        (root.certificate,),
    )


def test_the_root_may_stand_in_the_file_that_cert_manager_writes(tmp_path, root):
    signing = Made("signing", issuer=root, length=0)
    files = mount(tmp_path, signing, key=signing)
    (tmp_path / "ca.crt").write_bytes(root.pem)
    assert read(files).trusted == (root.certificate,)


def test_another_authority_beside_it_is_announced_but_does_not_sign(tmp_path, root):
    following, expired = Made("following"), Made("expired", days=(-9, -1))
    ca = read(mount(tmp_path, following, root, expired, key=root))
    assert (ca.certificate, ca.trusted) == (root.certificate, (root.certificate, following.certificate))


@pytest.mark.parametrize(
    ("certificates", "key", "said"),
    [
        (lambda r: [Made()], lambda c: Made(), "not the certificate of the key"),
        (lambda r: [Made(days=(-9, -1))], None, "has expired on 2026-05-31"),
        (lambda r: [Made(days=(1, 9))], None, "isn't valid before 2026-06-02T00:00:00Z"),
        (lambda r: [Made(ca=False)], None, "is not an authority's"),
        (lambda r: [Made(ca=None)], None, "is not an authority's"),
        (lambda r: [Made(signs=False)], None, "may not sign certificates"),
        (lambda r: [Made(uses=CLIENTS_ONLY)], None, "is not for servers"),
        (lambda r: [Made(names=["corp.example"])], None, "limited to certain names"),
        (lambda r: [Made("signing", issuer=r)], None, "an intermediate authority without its root"),
        (lambda r: [Made("signing", kind="short")], None, "1024 bits"),
        (lambda r: [Made("signing", kind="ed25519")], None, "a kind of key"),
        (lambda r: [Made("signing", kind="other-curve")], None, "a kind of key"),
        (lambda r: [], lambda c: Made(), "no certificate"),
        (lambda r: [Made()], lambda c: b"", "no private key"),
        (lambda r: [Made()], lambda c: c[0].pem, "the wrong way round"),
        (lambda r: [Made()], lambda c: c[0].key_pem(b"word"), "the key is encrypted"),
    ],
)  # fmt: skip
def test_what_clients_would_refuse_is_refused_here(tmp_path, root, certificates, key, said):
    """One message each: the file, what was found, what is expected."""
    made = certificates(root)
    with pytest.raises(InputError, match=said) as caught:
        read(mount(tmp_path, *made, key=key(made) if key else made[0]))
    [fault] = caught.value.faults
    assert fault.file in (str(tmp_path / "tls.crt"), str(tmp_path / "tls.key"))
    assert fault.expected


def test_a_root_that_permits_no_authority_below_it_is_refused(tmp_path):
    """An authority of path length 0 may sign itself, but nothing that signs."""
    narrow = Made("narrow", length=0)
    assert read(mount(tmp_path, narrow, key=narrow)).certificate == narrow.certificate
    signing = Made("signing", issuer=narrow)
    with pytest.raises(InputError, match="permits 0 authorities below it"):
        read(mount(tmp_path, signing, narrow, key=signing))


@pytest.mark.parametrize(
    ("mode", "fine"), [(0o400, True), (0o440, True), (0o640, True), (0o644, False), (0o660, False)]
)
def test_a_mounted_key_may_be_read_by_its_group_and_nobody_else(tmp_path, root, mode, fine):
    """fsGroup is how Kubernetes gives a secret to a user that isn't root."""
    files = mount(tmp_path, root, key=root, mode=mode)
    if fine:
        assert read(files).certificate == root.certificate
    else:
        with pytest.raises(InputError, match="defaultMode: 0440"):
            read(files)


def test_a_file_that_is_not_there_is_named(tmp_path, root):
    cert, key = mount(tmp_path, root, key=root)
    cert.unlink()
    with pytest.raises(InputError, match=r"tls\.crt: can't be read: No such file"):
        read((cert, key))


@pytest.mark.parametrize("which", [0, 1])
def test_what_is_no_plain_file_is_refused_and_not_waited_for(tmp_path, root, which):
    """A running server reads these in the loop that all calls are answered in."""
    files = mount(tmp_path, root, key=root)
    files[which].unlink()
    os.mkfifo(files[which])
    with pytest.raises(InputError, match="can't be read: no plain file"):
        read(files)
    files[which].unlink()
    files[which].write_bytes(b"x" * 5_000_000)
    with pytest.raises(InputError, match="can't be read: 5,000,000 bytes"):
        read(files)


@pytest.mark.parametrize("garbage", [b"\x00\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_garbage_beside_the_certificate_is_a_fault_of_that_file(tmp_path, root, garbage):
    """`ca.crt` is read because it is there; nobody named it."""
    files = mount(tmp_path, root, key=root)
    (tmp_path / "ca.crt").write_bytes(garbage)
    with pytest.raises(InputError, match=r"ca\.crt: no certificate"):
        read(files)


def test_a_leaf_of_an_intermediate_is_trusted_by_who_trusts_the_root(tmp_path):
    """The whole way, with OpenSSL as the client and today's clock."""
    day = (dt.datetime.now(dt.UTC) - NOW).days
    root = Made("root", days=(day - 1, day + 9))
    signing = Made("signing", "rsa", issuer=root, days=(day - 1, day + 5))
    ca = read_mounted(*mount(tmp_path, signing, root, key=signing), tmp_path / "shown.pem")
    (tmp_path / "root.pem").write_bytes(ca.public)
    client = ssl.create_default_context(cafile=str(tmp_path / "root.pem"))
    client.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the certificates of this test have no key identifiers
    assert handshake(client, Leaves(ca).context_for("api.example"), "api.example")


def test_what_to_trust_is_read_without_the_key(tmp_path, root):
    """A workload whose proxy is elsewhere sees the certificate alone."""
    between = Made("between", issuer=root)
    cert, key = mount(tmp_path, between, root, Made("expired", days=(-9, -1)), key=between)
    key.unlink()
    assert read_public(cert, now=lambda: NOW) == (root.certificate,)


def test_without_a_root_there_is_nothing_to_trust(tmp_path, root):
    cert, _ = mount(tmp_path, Made("between", issuer=root), key=root)
    with pytest.raises(InputError, match="an intermediate authority without its root"):
        read_public(cert, now=lambda: NOW)
