"""Fuzz targets for everything that reads hostile bytes. See README.md."""

from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
DICTIONARIES = Path(__file__).parent / "dictionaries"
NAMES = tuple(sorted(file.stem for file in (Path(__file__).parent / "targets").glob("*.py") if file.stem[0] != "_"))
INSTRUMENTED = (
    "childproof",
    "stubs",
    "h11",
    "aiosmtpd",
    "h2",
    "hpack",
    "hyperframe",
    "mitmproxy.proxy",
    "mitmproxy.net",
)
