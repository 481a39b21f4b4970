"""Credentials in known formats, exactly enough to deny a call for them: (kind, what it begins with, the whole).

The ledger masks whatever looks like a secret; a denial must be surer of it. Each pattern begins with its needle and has
bounded repeats, so that it takes time in proportion to a text's length, whoever chose the text. Sources: the vendors'
pages on token formats, and the patterns that they registered for GitHub's secret scanning.
"""

import re
from functools import cache

import msgspec


class Format(msgspec.Struct, frozen=True):
    """One kind of credential. `regex` is only tried where `needle` occurs.

    What begins with few letters would turn up in long base64 by chance: `apart` asks for something else before it.
    """

    kind: str
    needle: bytes
    regex: bytes
    apart: bool = False

    def occurs(self, text: bytes, *, joined: bool) -> bool:
        """Whether the text has one. In texts that were put together, what stands before it is somebody else's end."""
        if self.needle not in text:
            return False
        return _compile(_APART + self.regex if self.apart and not joined else self.regex).search(text) is not None


_APART = rb"(?<![A-Za-z0-9_+/-])"


@cache
def _compile(regex: bytes) -> re.Pattern[bytes]:
    return re.compile(regex)


def _formats(kind: str, *parts: tuple[bytes, bytes], apart: bool = False) -> list[Format]:
    return [Format(kind, needle, re.escape(needle) + rest, apart) for needle, rest in parts]


_WORD = rb"[A-Za-z0-9_-]"
FORMATS = (
    *_formats("anthropic", (b"sk-ant-", _WORD + rb"{24}")),
    *_formats("aws", (b"AKIA", rb"[A-Z2-7]{16}(?![A-Za-z0-9])"), (b"ASIA", rb"[A-Z2-7]{16}(?![A-Za-z0-9])")),
    *_formats("github", *((prefix, rb"[A-Za-z0-9]{36}") for prefix in (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_")), apart=True),
    *_formats("github", (b"github_pat_", rb"[A-Za-z0-9_]{22}")),
    *_formats("gitlab", *((prefix, _WORD + rb"{20}") for prefix in (b"glpat-", b"gldt-", b"glrt-", b"glptt-"))),
    Format("google", b"AIza", _APART + rb"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_+/-])"),
    *_formats("google", (b"ya29.", _WORD + rb"{30}")),
    Format("huggingface", b"hf_", _APART + rb"hf_[A-Za-z0-9]{34}"),
    # The header and the claims are JSON objects, so both parts begin alike; the run is read once, from its beginning.
    Format("jwt", b"eyJ", rb"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,8000}+\.eyJ[A-Za-z0-9_-]{8}"),
    Format("npm", b"npm_", _APART + rb"npm_[A-Za-z0-9]{36}"),
    *_formats("openai", (b"sk-proj-", _WORD + rb"{40}"), (b"sk-svcacct-", _WORD + rb"{40}")),
    *_formats("openai", (b"sk-", rb"[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}")),
    *_formats("private-key", (b"-----BEGIN ", rb"(?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----")),
    *_formats("pypi", (b"pypi-AgE", _WORD + rb"{50}")),
    *_formats("sendgrid", (b"SG.", _WORD + rb"{22}\." + _WORD + rb"{43}")),
    *_formats("slack", *((b"xox" + kind, rb"-[A-Za-z0-9-]{20}") for kind in (b"a", b"b", b"c", b"e", b"p", b"r", b"s"))),
    *_formats("slack", (b"xapp-", rb"[0-9]-[A-Z0-9]{8,16}-[0-9]{8,16}-[a-f0-9]{16}")),
    *_formats("slack", (b"hooks.slack.com/services/T", rb"[A-Z0-9]{6,14}/B[A-Z0-9]{6,14}/[A-Za-z0-9]{16}")),
    *_formats("stripe", *((b"k_" + mode, rb"_[A-Za-z0-9]{16}") for mode in (b"live", b"test"))),
    *_formats("stripe", (b"whsec_", rb"[A-Za-z0-9+/]{24}")),
)  # fmt: skip


_SHORTEST = 20  # bytes: no credential has fewer
# A text's trace: what remains without the bytes that are frequent in most texts. Needles are looked for there first.
_KEPT = frozenset(b"_-.AEGIJKNSTghkmvxy/")
_DROPPED = bytes(byte for byte in range(256) if byte not in _KEPT)
_TRACES: dict[bytes, list[Format]] = {}
for _format in FORMATS:
    _TRACES.setdefault(_format.needle.translate(None, _DROPPED), []).append(_format)


def find_formats(text: bytes, permitted: frozenset[str], *, joined: bool = False) -> str:
    """The kind of the first credential in the text that isn't permitted; empty where there is none."""
    if len(text) < _SHORTEST:
        return ""
    trace = text.translate(None, _DROPPED)
    if not trace:
        return ""
    for mark, formats in _TRACES.items():
        if mark not in trace:
            continue
        for one in formats:
            if one.kind not in permitted and one.occurs(text, joined=joined):
                return one.kind
    return ""
