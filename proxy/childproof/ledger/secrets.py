"""What secrets look like: one rule per format, each beginning with plain characters that are quickly looked for.

A rule's pattern runs only where its `needle` occurs.

A sandbox chooses the texts, so every pattern takes time in proportion to a text's length: it may not begin at each place
of a run that it then reads to the end in vain.
"""

import re
from collections.abc import Callable
from functools import cache

import msgspec

REDACTED = "[redacted]"


class Rule(msgspec.Struct, frozen=True):
    """A kind of secret. `pattern` matches from `needle` on; `mask` gives what stands there instead."""

    needle: bytes
    regex: str
    mask: Callable[[re.Match[str]], str]
    flags: re.RegexFlag = re.NOFLAG

    @property
    def pattern(self) -> re.Pattern[str]:
        """The compiled pattern. Made when the needle is first found: all of them at once would take 20 ms of a start."""
        return _compile(self.regex, self.flags)


def shorten(secret: str) -> str:
    """The last four characters of what is long enough not to be given away by them."""
    return f"…{secret[-4:]}" if len(secret) >= 12 else "…"


@cache
def _compile(regex: str, flags: re.RegexFlag) -> re.Pattern[str]:
    return re.compile(regex, flags)


def _rule(needle: str, rest: str, mask: Callable[[re.Match[str]], str], flags: re.RegexFlag = re.NOFLAG) -> Rule:
    return Rule(needle.encode(), re.escape(needle) + rest, mask, flags)


# --- keys in known formats: (prefix)(key), of which the prefix and the end stay


def _mask_key(match: re.Match[str]) -> str:
    return match[0][: match.start("key") - match.start()] + shorten(match["key"])


_KEY = r"(?P<key>[A-Za-z0-9._~+/-]{8,}=*)"
_PREFIXES = ("whsec_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "xapp-", "glpat-", "npm_", "AIza", "SG.")
_KEYS = (
    *(_rule(needle, rf"(?<=[sr]{needle}){_KEY}", _mask_key) for needle in ("k_live_", "k_test_")),
    *(_rule(prefix, _KEY, _mask_key) for prefix in _PREFIXES),
    *(_rule(f"xox{kind}-", _KEY, _mask_key) for kind in "abcdeprs"),
    _rule("sk-", rf"(?<![A-Za-z0-9]sk-)(?:ant-|proj-|svcacct-|or-)?{_KEY}", _mask_key),
    *(_rule(prefix, r"(?P<key>[A-Z0-9]{16})(?![A-Za-z0-9])", _mask_key) for prefix in ("AKIA", "ASIA")),
    # Mailgun's and Resend's keys, whose beginnings are common words; the addresses that are all it takes to post to Slack.
    _rule("key-", r"(?<![A-Za-z0-9_-]key-)(?P<key>[0-9a-f]{32})(?![A-Za-z0-9])", _mask_key),
    _rule("re_", r"(?<![A-Za-z0-9_]re_)(?P<key>[A-Za-z0-9]{8}_[A-Za-z0-9]{20,40})(?![A-Za-z0-9])", _mask_key),
    _rule("/services/T", r"[A-Z0-9]{2,20}/B[A-Z0-9]{2,20}/(?P<key>[A-Za-z0-9]{8,64})", _mask_key),
    _rule("eyJ", r"(?<![A-Za-z0-9_-]eyJ)(?P<key>[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*)", _mask_key),
    _rule("earer ", r"\s*(?P<key>[A-Za-z0-9._~+/-]{16,}=*)", _mask_key),
    # Client secrets of Stripe's payment and setup intents and checkout sessions.
    _rule("_secret_", rf"(?<=[A-Za-z0-9]_secret_){_KEY}", _mask_key),
    _rule(
        "-----BEGIN ",
        r"(?P<kind>[A-Z0-9 ]*PRIVATE KEY-----)(?:(?!-----END ).)*(?:-----END [A-Z0-9 ]*PRIVATE KEY-----)?",
        lambda match: f"-----BEGIN {match['kind']}{REDACTED}",
        re.DOTALL,
    ),
)

# --- values with telling names: JSON (also within a JSON string, its quotes escaped), a form's field or part

_VALUE = (
    r"(?:(?P<json>(?P<slash>\\*)\"\s*:\s*)(?:"
    r"\"(?P<text>(?:[^\"\\]|\\.)*)"
    r"|(?P=slash)\"(?P<nested>.*?)(?=(?<!\\)(?P=slash)\"|$)"
    r"|(?P<number>[0-9]+))"
    r"|(?P<form>(?:\]|%5D)?=)(?P<value>[^&\s\"',;]+)"
    r"|(?P<part>\"\r?\n(?:[^\r\n]{1,200}\r?\n){0,4}\r?\n)(?P<content>[^\r\n]+))"
)
# Test objects and references that a reader wants to see: `token=tok_visa`.
PLAIN = re.compile(r"(?:tok|pm|btok|ct)_[A-Za-z0-9_]+|true|false|null|none", re.IGNORECASE)


def _mask_value(match: re.Match[str]) -> str:
    value = match["text"] or match["nested"] or match["value"] or match["content"] or match["number"]
    # What was masked as a key already tells a reader more.
    if not value or "…" in value or PLAIN.fullmatch(value):
        return match[0]
    if match["json"]:
        quote = f'{match["slash"]}"'
        return f"{match['name']}{match['json']}{quote}{REDACTED}{quote if match['number'] else ''}"
    return f"{match['name']}{match['form'] or match['part']}{REDACTED}"


def _named(needle: str, rest: str = "") -> Rule:
    return Rule(needle.encode(), rf"(?P<name>{needle}{rest}){_VALUE}", _mask_value, re.DOTALL)


# `token` alone, or after these: a page token opens nothing.
_BEFORE_TOKEN = [
    first + gap
    for word in ("access", "refresh", "auth", "id", "session", "bearer", "api")
    for first in (word, word.upper())
    for gap in ("_", "-", "")
]


def _token(needle: str, first: str) -> Rule:
    known = "|".join(f"(?<={before}{first}{needle})" for before in _BEFORE_TOKEN)
    return _named(needle, f"(?:(?<![A-Za-z0-9_-]{first}{needle})(?<={first}{needle})|{known})")


# A name may be the end of a longer one (`db_password`, `clientSecret`); its first letter is left out where it varies.
_NAMES = (
    *(_named("assw", "(?:or)?d"), _named("PASSW", "(?:OR)?D"), _named("pwd"), _named("PWD")),
    *(_named("ecret"), _named("SECRET"), _named("cvc"), _named("CVC"), _named("cvv"), _named("CVV")),
    *(_named("api_key"), _named("api-key"), _named("ikey", "(?<=apikey)"), _named("iKey", "(?<=piKey)")),
    *(_named("API_KEY"), _named("API-KEY"), _named("APIKEY"), _named("pi-Key", "(?<=[Aa]pi-Key)")),
    *(_named("signing_key"), _named("ningKey", "(?<=igningKey)"), _named("cessKey", "(?<=cretAccessKey)")),
    *(_named("private_key"), _named("private-key"), _named("PRIVATE_KEY"), _named("teKey", "(?<=rivateKey)")),
    *(_token("oken", "[Tt]"), _token("OKEN", "T")),
)

# Keys first, so that a key under a telling name is masked as what it is.
RULES = (*_KEYS, *_NAMES)
_NAME = re.compile(
    r"[a-z0-9_-]*(?:passw(?:or)?d|pwd|secret|cvc|cvv|(?:api|private|signing|secretaccess)[_-]?key)"
    r"|(?:(?:access|refresh|auth|id|session|bearer|api)[_-]?|[a-z0-9_-]*(?:access|refresh|auth|session)[_-])?token",
    re.IGNORECASE,
)


def is_telling(name: str) -> bool:
    """Whether a field of this name holds a secret."""
    return _NAME.fullmatch(name) is not None
