"""What can't be read: who may not, and what is in the way."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from childproof.capture.mitm.mounted import read_mounted
from childproof.catalog import load_catalog
from childproof.errors import InputError
from childproof.policy import load_ruleset
from childproof.run.config.config import load_config
from childproof.run.config.listen import Listen, NamedBy, settled

SOMEBODY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that everybody may enter, as pytest's own isn't."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def as_somebody() -> Iterator[int]:
    """Without the rights of root, whoever runs the tests; gives the uid."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(SOMEBODY)
    try:
        yield os.geteuid()
    finally:
        os.seteuid(before)


def test_what_may_not_be_read_is_a_fault_that_says_who_may_not_and_what_to_open(folder: Path) -> None:
    """Each is a mistake of who mounted it, never a bug of ours; what is closed may be a folder above."""
    closed, file, stub = folder / "closed", folder / "file.yaml", folder / "stubs" / "stripe"
    (closed / "below").mkdir(parents=True)
    stub.mkdir(parents=True)
    for path in (closed / "rules.yaml", closed / "world", file, stub / "stub.yaml"):
        path.write_text("version: 1\n")
    including = folder / "including.yaml"
    including.write_text("version: 1\ninclude: [closed/rules.yaml]\nrules: []\n")
    for path in (closed, file, stub):
        path.chmod(0)
    label = Listen("", http="127.0.0.1:1", named_by=NamedBy("file", str(closed / "world")))
    tried = {
        f"chmod a+r {file}": lambda: load_ruleset([file]),
        f"chmod a+r {folder}/file.yaml": lambda: load_config({"HOME": "/"}, folder, file),
        f"chmod a+rx {closed}": lambda: load_ruleset([closed / "rules.yaml"]),
        f"chmod a+rx {closed} ": lambda: load_catalog([closed / "below"]),
        f"chmod a+rx {stub}": lambda: load_catalog([folder / "stubs"]),
    }
    others = (
        lambda: read_mounted(closed / "tls.crt", closed / "tls.key", folder / "shown"),
        lambda: settled((label,), {}),
        lambda: load_ruleset([including]),
    )
    try:
        with as_somebody() as uid:
            for write, read in tried.items():
                with pytest.raises(InputError) as caught:
                    read()
                [fault] = caught.value.faults
                assert (fault.found, fault.write) == ("can't be read: Permission denied", write.strip())
                assert f"(uid {uid})" in fault.expected
            for read in others:
                with pytest.raises(InputError):
                    read()
    finally:
        for path in (closed, file, stub):
            path.chmod(0o755)


def test_links_that_lead_to_themselves_are_faults(tmp_path: Path) -> None:
    """Python says so by another exception than it does of other files."""
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for read in (lambda: load_ruleset([loop]), lambda: load_catalog([loop])):
        with pytest.raises(InputError, match="symbolic links"):
            read()
