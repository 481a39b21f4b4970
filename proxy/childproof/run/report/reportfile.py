"""The file of `--report-to`, opened before the command can make its name mean another one."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from childproof.errors import InputError


class ReportFile:
    """A file that is open for writing. The command may write to it too; what it left there is replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._new = not path.exists()
        try:
            self._file = path.open("ab", buffering=0)  # what a full disk refuses is not tried again at its end
        except OSError as error:
            raise InputError.single(
                path, error.strerror or "can't be written", "a file to write the report to"
            ) from None

    def write(self, text: str) -> None:
        """Replace the content. Raises OSError where the name leads elsewhere by now.

        A link that the command put in its place could lead to what it can't write itself, such as the CA's key.
        """
        descriptor = self._file.fileno()
        if not os.path.samestat(self.path.stat(), os.fstat(descriptor)):
            raise FileExistsError(0, "the command has put something else in its place")
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.ftruncate(descriptor, 0)
        rest = memoryview(text.encode())
        while rest:
            rest = rest[self._file.write(rest) :]

    def close(self, *, unused: bool) -> None:
        """Close it; where there was none before and nothing was started, there is none afterwards."""
        self._file.close()
        if unused and self._new:
            self.path.unlink(missing_ok=True)


@contextmanager
def opened(path: Path | None) -> Iterator[ReportFile | None]:
    """The file of a run, if one was asked for. Raises InputError where it can't be opened."""
    if path is None:
        yield None
        return
    file = ReportFile(path)
    try:
        yield file
    except Exception:
        file.close(unused=True)
        raise
    file.close(unused=False)
