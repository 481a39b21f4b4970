"""Replacing the authority in a state directory without a moment in which a workload trusts the wrong one.

Three steps, each of which may be repeated: `prepare` makes the next authority and has both trusted; once every workload
has read that, `switch` lets the next one sign; `retire` forgets the old one. Which step comes next is told by the files
that are there, so a kill in between loses nothing:

    files beside the key      state       next
    none                      steady      prepare
    next                      prepared    switch
    old                       switched    retire
"""

import datetime as dt
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from cryptography import x509

from childproof.errors import InputError

from .ca import CA, KEY_NAME, NEXT_NAME, OLD_NAME, ensure_ca, locked, make, pem, place, unkept, utc_now


class Stage(StrEnum):
    """How far a rotation has got."""

    STEADY = "steady"
    PREPARED = "prepared"
    SWITCHED = "switched"


NEXT_STEP = {Stage.STEADY: "prepare", Stage.PREPARED: "switch", Stage.SWITCHED: "retire"}
# step -> where it is done already, and where it can be done
_STEPS = {
    "prepare": (Stage.PREPARED, Stage.STEADY),
    "switch": (Stage.SWITCHED, Stage.PREPARED),
    "retire": (Stage.STEADY, Stage.SWITCHED),
}


def stage(directory: Path) -> Stage:
    """How far the rotation in `directory` is."""
    if (directory / NEXT_NAME).exists():
        return Stage.PREPARED
    return Stage.SWITCHED if (directory / OLD_NAME).exists() else Stage.STEADY


def rotate(directory: Path, step: str, *, now: Callable[[], dt.datetime] = utc_now) -> tuple[CA, bool]:
    """Do one step; the authority as it is afterwards, and whether anything had to be done.

    Raises InputError for a step whose time it isn't, StoreError where the directory can't be written.
    """
    ca = ensure_ca(directory, now=now)
    done, possible = _STEPS[step]
    try:
        with locked(directory):
            present = stage(directory)
            if present not in (done, possible):
                raise InputError.single(
                    f"ca rotate {step}",
                    f"the rotation in {directory} is {present}",
                    f"the next step, {NEXT_STEP[present]}",
                    f"childproof ca rotate {NEXT_STEP[present]}",
                )
            if present is possible and possible is not done:
                _do(step, directory, ca.certificate, now())
    except OSError as error:
        raise unkept(directory, error) from None
    return ensure_ca(directory, now=now), present is possible


def _do(step: str, directory: Path, certificate: x509.Certificate, now: dt.datetime) -> None:
    key_pem, following, old = (directory / name for name in (KEY_NAME, NEXT_NAME, OLD_NAME))
    if step == "prepare":
        # A name of its own: clients that look for an issuer by name find one, not two.
        make(following, now, f"childproof {now:%Y-%m-%d %H:%M:%S.%f}")
    elif step == "switch":
        place(old, pem((certificate,)), 0o644, replace=True)
        following.replace(key_pem)
    else:
        old.unlink(missing_ok=True)
