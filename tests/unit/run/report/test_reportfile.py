"""The report goes to the file that was named when the run began, whatever its command does with the name."""

import os
from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.run.report.reportfile import opened


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text("secret")
    return file


@pytest.mark.parametrize("before", ["", "an older and longer report than the new one"])
def test_a_report_replaces_what_was_there(tmp_path: Path, before: str) -> None:
    path = tmp_path / "report.txt"
    if before:
        path.write_text(before)
    with opened(path) as file:
        assert file is not None
        path.write_text("the command's own scribbling")
        file.write("report\n")
    assert path.read_text() == "report\n"


@pytest.mark.parametrize("put", [os.symlink, os.link])
def test_a_link_put_in_its_place_is_not_written_through(tmp_path: Path, key: Path, put: object) -> None:
    path = tmp_path / "report.txt"
    with opened(path) as file:
        assert file is not None
        path.unlink()
        put(key, path)  # type: ignore[operator]
        with pytest.raises(OSError, match="something else in its place"):
            file.write("report\n")
    assert key.read_text() == "secret"


def test_a_name_that_is_gone_is_an_error_to_report(tmp_path: Path) -> None:
    with opened(tmp_path / "report.txt") as file:
        assert file is not None
        file.path.unlink()
        with pytest.raises(OSError, match="No such file"):
            file.write("report\n")


def test_a_link_of_the_users_own_is_followed(tmp_path: Path, key: Path) -> None:
    (tmp_path / "link").symlink_to(key)
    with opened(tmp_path / "link") as file:
        assert file is not None
        file.write("report\n")
    assert key.read_text() == "report\n"


def test_where_nothing_was_started_no_new_file_stays_and_an_old_one_is_as_it_was(tmp_path: Path, key: Path) -> None:
    for path in (tmp_path / "new", key):
        with pytest.raises(ValueError, match="broken"), opened(path):
            raise ValueError("broken")
    assert not (tmp_path / "new").exists()
    assert key.read_text() == "secret"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with opened(Path(f"/dev/fd/{writing}")) as file:
        assert file is not None
        file.write("report\n")
    os.close(writing)
    assert os.read(reading, 100) == b"report\n"
    os.close(reading)


def test_a_file_that_can_not_be_opened_is_the_users_fault(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Is a directory"), opened(tmp_path):
        pass


def test_a_full_disk_refuses_the_report_once() -> None:
    """The caller hears of it when it writes, and may say it elsewhere; closing the file is no second error."""
    with opened(Path("/dev/full")) as file:
        assert file is not None
        with pytest.raises(OSError, match="No space left"):
            file.write("report\n")
