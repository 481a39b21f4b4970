"""What jobs wrote, as text and as a zip file (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT), stored."""

import struct
import zlib
from collections.abc import Mapping
from typing import Any

_DATE = 0x21  # 1980-01-01, the first day that zip files know


def job_log(job: Mapping[str, Any]) -> str:
    """A line for each step, each with its time."""
    moment = f"{job['completed_at'][:-1]}.0000000Z"
    lines = [f"{moment} ##[group]{step}\n{moment} ##[endgroup]" for step in job["steps"]]
    if job["conclusion"] not in {"success", None}:
        lines.append(f"{moment} ##[error]Process completed with exit code 1.")
    return "\n".join(lines) + "\n"


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip file of these files, by name."""
    body, directory = b"", b""
    for name, data in files.items():
        raw = name.encode()
        facts = struct.pack("<HHHHHIIIHH", 20, 0x800, 0, 0, _DATE, zlib.crc32(data), len(data), len(data), len(raw), 0)
        directory += b"PK\1\2" + struct.pack("<H", 20) + facts + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + raw
        body += b"PK\3\4" + facts + raw + data
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(body), 0)
    return body + directory + b"PK\5\6" + end
