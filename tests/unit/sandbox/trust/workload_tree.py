"""A file system that is read-only but for one folder, so that what amends bundles can be tried on a developer's machine."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_SCRIPT = """
mount --bind "$WRITABLE" "$WRITABLE" || exit 98
awk '{print $5}' /proc/self/mountinfo | while IFS= read -r place; do
  case $place in "$WRITABLE") ;; *) mount -o remount,bind,ro "$place" 2>/dev/null ;; esac
done
for place in / /tmp /etc/ssl/certs "$HOME_BEFORE"; do
  [ ! -d "$place" ] || [ ! -w "$place" ] || exit 99
done
cd "$WRITABLE" && exec "$@"
"""


def confined(folder: Path, *command: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run where only `folder`, which is also home, working directory and TMPDIR, can be written. Skips where that can't be."""
    if not all(map(shutil.which, ("unshare", "mount", "awk"))):
        pytest.skip("there is no unshare, mount or awk")
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    home = os.environ.get("HOME", "/")
    given = {
        **kept,
        "WRITABLE": str(folder),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "HOME_BEFORE": home,
        **(env or {}),
    }
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", _SCRIPT, "sh", *command],
        env=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "unshare" in done.stderr.split("\n")[0] or done.returncode in (98, 99):
        pytest.skip(f"no read-only file system can be made here: {done.stderr.strip() or done.returncode}")
    return done
