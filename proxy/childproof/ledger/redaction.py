"""Secrets leave no trace: what looks like one is masked before anything is stored.

Masked are credentials in headers, keys in known formats, values with telling names (`password=…`, `"client_secret": …`),
passwords in URLs, and card numbers that pass their checksum. A mask keeps what a reader needs to tell two secrets apart:
a format's prefix and the last four characters, never more.
"""

import re
from functools import cache, lru_cache
from typing import Any

import ahocorasick_rs
import msgspec

from .secrets import PLAIN, REDACTED, RULES, Rule, is_telling

_check = msgspec.json.Decoder(msgspec.Raw)

_USERINFO = re.compile(r"(://[^/\s:@\"'\\]*:)[^/\s@\"'\\]+(?=@)")
_DIGIT_TABLE = bytes(48 if 48 <= byte < 58 else 46 for byte in range(256))
_SEPARATOR = r"(?:[ +-]|%20)"
_DIGITS = re.compile(rf"[0-9](?<![0-9.][0-9])(?:{_SEPARATOR}?[0-9]){{12,}}")
# Texts below this length are remembered with what became of them.
_SHORT = 256
_FRACTION = re.compile(r"\.[0-9]")
# Issuers and their lengths (ISO/IEC 7812): without them every tenth timestamp in milliseconds would be a card.
_ISSUER = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[0-9]{15}|2[2-7][0-9]{14}|3[47][0-9]{13}|3[068][0-9]{12}|35[0-9]{14}"
    r"|6[0-9]{15,18}"
)


def redact(text: str) -> str:
    """Any text, a JSON document or a form for instance, without its secrets."""
    raw = text.encode("utf-8", "replace")
    if _is_clean(raw):
        return text
    text = _mask_words(text, raw)
    return _DIGITS.sub(_mask_cards, text) if _may_hold_card(raw) else text


def redact_short(text: str) -> str:
    """The same for a text that is likely to come again: a call's target, a reason."""
    return _redact_again(text) if len(text) < _SHORT else redact(text)


@lru_cache(maxsize=1024)
def _redact_again(text: str) -> str:
    return redact(text)


def redact_json(raw: bytes) -> bytes:
    """A JSON document, still valid and of the same shape, without its secrets."""
    if _is_clean(raw):
        return raw
    text = raw.decode()
    if not _may_hold_card(raw) or _DIGITS.sub(_mask_cards, text) == text:
        # What is masked stays within its quotes, so that the text can stay text.
        masked = _mask_words(text, raw)
        if masked is text or masked == text:
            return raw
        try:
            _check.decode(masked)
        except msgspec.DecodeError:
            pass
        else:
            return masked.encode()
    return msgspec.json.encode(_redact_value(msgspec.json.decode(raw)))


def _is_clean(raw: bytes) -> bool:
    """Whether there is nothing to be looked at more closely, as in most texts."""
    return not (_needles().find_matches_as_indexes(raw) or _may_hold_password(raw) or _may_hold_card(raw))


def _may_hold_password(raw: bytes) -> bool:
    """Whether there may be a password in a URL: replies have hundreds of URLs, hardly ever with one."""
    return b"@" in raw and b"://" in raw


def _may_hold_card(raw: bytes) -> bool:
    return raw.translate(_DIGIT_TABLE, b" +-%").find(b"0000000000000") >= 0


@cache
def _needles() -> ahocorasick_rs.BytesAhoCorasick:
    """All needles at once, found in one pass over a text: two nanoseconds a byte, however many there are."""
    return ahocorasick_rs.BytesAhoCorasick(
        [rule.needle for rule in RULES], implementation=ahocorasick_rs.Implementation.DFA
    )


def _hits(raw: bytes) -> list[Rule]:
    """The rules whose needle occurs, in their order."""
    found = _needles().find_matches_as_indexes(raw, overlapping=True)
    return [RULES[number] for number in sorted({number for number, _, _ in found})] if found else []


def _mask_words(text: str, raw: bytes) -> str:
    """All but cards."""
    for rule in _hits(raw):
        text = rule.pattern.sub(rule.mask, text)
    return _USERINFO.sub(rf"\1{REDACTED}", text) if _may_hold_password(raw) else text


def redact_headers(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Headers with credentials masked; the scheme of an Authorization and the names of cookies stay."""
    # One look at all of them: a line's end stands in no secret and in no card's number.
    plain = "\n".join([value for name, value in headers if not _kind(name)])
    if _is_clean(plain.encode("utf-8", "replace")):
        return tuple([(name, _redact_known(name, value) if _kind(name) else value) for name, value in headers])
    return tuple(
        [
            (name, _redact_known(name, value) if len(value) < _SHORT else _redact_any(name, value))
            for name, value in headers
        ]
    )


# --- cards and documents


def _mask_cards(match: re.Match[str]) -> str:
    """Mask the cards in a run of digits; a card begins and ends where a group of digits does."""
    run = match[0]
    if run.isdecimal() and not (13 <= len(run) <= 19 and is_card(run)):
        return run  # one group, as nearly all are
    parts = re.split(f"({_SEPARATOR})", run)
    groups = parts[::2]
    if _FRACTION.match(match.string, match.end()):
        groups[-1] = ""  # the whole part of a fraction
    start = 0
    while start < len(groups):
        end = _card_end(groups, start)
        if end:
            number = "".join(groups[start:end])
            masked = "*" * (len(number) - 4) + number[-4:]
            parts[2 * start : 2 * end - 1] = [masked] + [""] * (2 * (end - start) - 2)
        start = end or start + 1
    return "".join(parts)


def _card_end(groups: list[str], start: int) -> int:
    number = ""
    for end in range(start, len(groups)):
        number += groups[end]
        if len(number) > 19:
            return 0
        if len(number) >= 13 and is_card(number):
            return end + 1
    return 0


def is_card(digits: str) -> bool:
    """Whether digits are a payment card's number: an issuer's prefix and length, and the checksum (ISO/IEC 7812-1)."""
    if _ISSUER.fullmatch(digits) is None:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _redact_value(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redact_member(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_redact_value(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and is_card(str(value)):
        return "*" * (len(str(value)) - 4) + str(value)[-4:]
    return value


def _redact_member(key: str, value: Any) -> Any:
    if not is_telling(key):
        return _redact_value(value)
    if isinstance(value, str) and value and not PLAIN.fullmatch(value):
        return REDACTED
    if isinstance(value, int) and not isinstance(value, bool):
        return REDACTED
    return _redact_value(value)


# --- headers

_AUTHORIZATION = frozenset({"authorization", "proxy-authorization"})
_CREDENTIAL = re.compile(r"token|secret|passw|api-?key|-auth\b|-key\b|credential|session|signature")
# Keys that open nothing, and names that only look like credentials.
_HARMLESS = frozenset({"idempotency-key", "sec-websocket-key", "access-control-allow-credentials"})


@lru_cache(maxsize=1024)
def _kind(name: str) -> str:
    lower = name.lower()
    if lower in _AUTHORIZATION:
        return "authorization"
    if lower in ("cookie", "set-cookie"):
        return lower
    if lower not in _HARMLESS and _CREDENTIAL.search(lower):
        return "credential"
    return ""


@lru_cache(maxsize=1024)
def _redact_known(name: str, value: str) -> str:
    """Clients send the same headers with every call."""
    return _redact_any(name, value)


def _redact_any(name: str, value: str) -> str:
    match _kind(name):
        case "authorization":
            scheme, _, credentials = value.partition(" ")
            return f"{scheme} {_mask_credentials(credentials)}" if credentials else _mask_credentials(scheme)
        case "cookie":
            return "; ".join(_mask_cookie(part) for part in value.split(";"))
        case "set-cookie":
            cookie, separator, attributes = value.partition(";")
            return _mask_cookie(cookie) + separator + attributes
        case "credential":
            return _mask_credentials(value)
        case _:
            return redact(value)


def _mask_credentials(text: str) -> str:
    """A key in a known format keeps its prefix and its end, anything else nothing."""
    for rule in _hits(text.encode("utf-8", "replace")):
        match = rule.pattern.search(text)
        if match is not None and match.end() == len(text) and "key" in match.re.groupindex and match.start() <= 1:
            return text[: match.start()] + rule.mask(match)
    return REDACTED


def _mask_cookie(part: str) -> str:
    name, equals, _ = part.strip().partition("=")
    return f"{name}={REDACTED}" if equals else REDACTED
