"""Rotation: three steps that may be repeated, and at no moment a client that trusts what is published fails."""

import errno
import stat

import pytest

from childproof.capture.mitm.ca import CERT_NAME, KEY_NAME, NEXT_NAME, OLD_NAME, ensure_ca
from childproof.capture.mitm.rotation import Stage, rotate, stage
from childproof.errors import InputError, StoreError


def trusted(folder):
    return (folder / CERT_NAME).read_bytes().count(b"BEGIN CERTIFICATE")


def test_the_steps_each_keep_what_is_trusted_ahead_of_what_signs_and_may_be_repeated(tmp_path):
    first = ensure_ca(tmp_path).certificate
    prepared, done = rotate(tmp_path, "prepare")
    assert (prepared.certificate, len(prepared.trusted), done, trusted(tmp_path)) == (first, 2, True, 2)
    again, done = rotate(tmp_path, "prepare")
    assert (again.trusted, done) == (prepared.trusted, False)
    assert stat.S_IMODE((tmp_path / NEXT_NAME).stat().st_mode) == 0o600

    switched, done = rotate(tmp_path, "switch")
    assert (switched.certificate, set(switched.trusted)) == (prepared.trusted[1], set(prepared.trusted))
    assert switched.certificate.subject != first.subject
    assert rotate(tmp_path, "switch") == (switched, False)

    retired, _ = rotate(tmp_path, "retire")
    assert (retired.trusted, trusted(tmp_path)) == ((switched.certificate,), 1)
    assert rotate(tmp_path, "retire") == (retired, False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [CERT_NAME, KEY_NAME]


@pytest.mark.parametrize(
    ("before", "step", "instead"),
    [((), "switch", "prepare"), (("prepare",), "retire", "switch"), (("prepare", "switch"), "prepare", "retire")],
)
def test_a_step_before_its_time_is_refused_with_the_next_one(tmp_path, before, step, instead):
    for one in before:
        rotate(tmp_path, one)
    present = stage(tmp_path)
    with pytest.raises(InputError, match=f"childproof ca rotate {instead}"):
        rotate(tmp_path, step)
    assert stage(tmp_path) is present


def test_a_kill_in_the_middle_of_the_switch_leaves_both_trusted_and_the_step_to_be_repeated(tmp_path, monkeypatch):
    first = ensure_ca(tmp_path).certificate
    rotate(tmp_path, "prepare")
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", fails_for(NEXT_NAME))
        with pytest.raises(StoreError):
            rotate(tmp_path, "switch")
    assert (tmp_path / OLD_NAME).exists()
    assert (stage(tmp_path), ensure_ca(tmp_path).certificate, trusted(tmp_path)) == (Stage.PREPARED, first, 2)
    ca, _ = rotate(tmp_path, "switch")
    assert ca.certificate != first
    assert len(ca.trusted) == 2


def fails_for(name):
    from pathlib import Path  # noqa: PLC0415

    real = Path.replace

    def replace(self, target):
        if self.name == name:
            raise OSError(errno.EIO, "Input/output error")
        return real(self, target)

    return replace
