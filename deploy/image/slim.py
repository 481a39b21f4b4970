"""Takes files out of installed packages that nothing here can come to use: slim.py. Part of the image's build only.

Packages stay installed and whole in what they promise each other (`pip check`). What goes is named below, each with why the
package works without it. A name that is not there any more fails the build: then a newer version has moved it.
"""

import shutil
import sys
import sysconfig
from pathlib import Path

from childproof.stubkit.invented.people import LOCALES

SITE = Path(sysconfig.get_path("purelib"))

# Each is a pattern below site-packages.
UNUSED = (
    "zstandard/_cffi.*.so",  # for PyPy; CPython takes backend_c
    "mitmproxy/tools/web/static",  # mitmweb's page
    "aiosmtpd/tests",
    "dulwich/tests",
    "tornado/test",
)


def unspoken() -> list[Path]:
    """Faker's providers in languages that no world's people speak: nine tenths of it."""
    kept = {*LOCALES, *(locale.partition("_")[0] for locale in LOCALES), "__pycache__"}
    return [
        folder
        for folder in SITE.glob("faker/providers/*/*/")
        if folder.is_dir() and folder.name not in kept and folder.parent.name != "python"
    ]


def main() -> None:
    """Take everything away, or say what isn't there."""
    for pattern in UNUSED:
        found = list(SITE.glob(pattern))
        if not found:
            sys.exit(f"slim.py: no {pattern} in {SITE}")
        for path in found:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    for folder in unspoken():
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
