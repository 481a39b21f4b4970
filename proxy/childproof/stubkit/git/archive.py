"""A tree as a file to download: tar.gz or zip. The same bytes for the same tree and time."""

import gzip
import io
import tarfile
import zipfile
from datetime import UTC, datetime
from typing import Literal

from .store import Objects
from .trees import Trees
from .values import EXECUTABLE, SUBMODULE, SYMLINK, GitError

MOST = 64 * 1024 * 1024  # bytes of files
_OLDEST = 315_532_800  # the first second that a zip file can tell, 1980


def packed(objects: Objects, tree: str, prefix: str, time: int, form: Literal["tar.gz", "zip"]) -> bytes:
    """The files of a tree below a folder `prefix`, all of one time (unix seconds). Raises GitError for too much."""
    files: list[tuple[str, int, bytes]] = []
    size = 0
    for entry in Trees(objects).walk(tree):
        size += 0 if entry.mode == SUBMODULE else objects.size(entry.sha)
        if size > MOST:
            raise GitError(f"the files have more than {MOST} bytes")
        data = b"" if entry.mode == SUBMODULE else objects.read(entry.sha, "blob")
        files.append((f"{prefix}/{entry.path}", entry.mode, data))
    return _zip(files, time) if form == "zip" else _tar(files, prefix, time)


def _tar(files: list[tuple[str, int, bytes]], prefix: str, time: int) -> bytes:
    out = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as pressed,
        tarfile.open(fileobj=pressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        top = tarfile.TarInfo(f"{prefix}/")
        top.type, top.mode, top.mtime = tarfile.DIRTYPE, 0o775, time
        tar.addfile(top)
        for path, mode, data in files:
            one = tarfile.TarInfo(path)
            one.mtime, one.mode = time, 0o775 if mode in {EXECUTABLE, SUBMODULE} else 0o664
            if mode == SYMLINK:
                one.type, one.linkname = tarfile.SYMTYPE, data.decode("utf-8", "surrogateescape")
                tar.addfile(one)
            elif mode == SUBMODULE:
                one.type = tarfile.DIRTYPE
                tar.addfile(one)
            else:
                one.size = len(data)
                tar.addfile(one, io.BytesIO(data))
    return out.getvalue()


def _zip(files: list[tuple[str, int, bytes]], time: int) -> bytes:
    out = io.BytesIO()
    moment = datetime.fromtimestamp(max(time, _OLDEST), UTC).timetuple()[:6]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as whole:
        for path, mode, data in files:
            folder = mode == SUBMODULE
            name = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            one = zipfile.ZipInfo(f"{name}/" if folder else name, moment)
            one.compress_type = zipfile.ZIP_DEFLATED
            one.external_attr = (0o040755 if folder else mode) << 16
            whole.writestr(one, data)
    return out.getvalue()
