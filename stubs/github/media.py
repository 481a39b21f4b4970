"""Media types: what a client accepts, of `application/vnd.github.<name>+json` and the like."""

import re

from childproof.stubkit import Context

_KNOWN = re.compile(r"application/vnd\.github(?:\.v3)?(?:[.-]([a-z-]+))?(?:\+json)?")


def accepted(ctx: Context) -> str:
    """The representation that the call asks for: `raw`, `html`, `text`, `full`, `object`, `diff`, `patch`, `sha`, `star` …; "" for JSON."""
    for part in (ctx.header("accept") or "").split(","):
        fit = _KNOWN.fullmatch(part.partition(";")[0].strip())
        if fit is not None and fit[1]:
            return fit[1].removesuffix("-preview")
    return ""


def accepts(ctx: Context, name: str) -> bool:
    """Whether the call asks for a representation."""
    return accepted(ctx) == name
