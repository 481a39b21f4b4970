"""Globs over hosts and paths, as `childproof log --path` has them: `*` stays within a segment, `**` goes beyond."""

import re
from functools import lru_cache

_PART = re.compile(r"\*\*|\*|\?|[^*?]+")
_MEANS = {"**": ".*", "*": "[^/]*", "?": "[^/]"}


def fits(text: str, glob: str) -> bool:
    """Whether a text is one that a glob means."""
    return _compile(glob).fullmatch(text) is not None


@lru_cache(maxsize=256)
def _compile(glob: str) -> re.Pattern[str]:
    return re.compile("".join(_MEANS.get(part) or re.escape(part) for part in _PART.findall(glob)), re.DOTALL)
