"""Secrets leave no trace: what looks like one is masked before anything is stored.

Masked are credentials in headers, keys in known formats, values with telling names (`password=…`, `"client_secret": …`)
and card numbers that pass their checksum. A mask keeps what a reader needs to tell two secrets apart: a format's
prefix and the last four characters, never more.

Almost no text holds a secret, so a cheap test comes first: it may cry wolf, but it must hear every wolf (a property
test compares both).
"""

import re
from functools import lru_cache
from typing import Any

import msgspec

REDACTED = "[redacted]"
_check = msgspec.json.Decoder(msgspec.Raw)

# --- what secrets look like

# Each alternative begins with plain characters: such a pattern is searched several times faster.
_KEYS = re.compile(
    r"(?P<prefix>sk_live_|sk_test_|rk_live_|rk_test_|whsec_|ghp_|gho_|ghu_|ghs_|ghr_|github_pat_|xox[abcdeprs]-|xapp-"
    r"|sk-(?<![A-Za-z0-9]sk-)(?:ant-|proj-|svcacct-|or-)?|glpat-|npm_|AIza|SG\.|AKIA|ASIA|eyJ|Bearer\s+|bearer\s+"
    r"|pi_[A-Za-z0-9]+_secret_|seti_[A-Za-z0-9]+_secret_|cs_[A-Za-z0-9_]+_secret_)"
    r"(?P<key>[A-Za-z0-9._~+/-]{8,}=*)"
)
_SHORTEST_BEARER = 16
_AWS_KEY = re.compile(r"[A-Z0-9]{16}(?![A-Za-z0-9])")
_JWT = re.compile(r"[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*")
_PEM = re.compile(
    r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----)(?:(?!-----END ).)*(?:-----END [A-Z0-9 ]*PRIVATE KEY-----)?", re.DOTALL
)
_USERINFO = re.compile(r"(://[^/\s:@\"'\\]*:)[^/\s@\"'\\]+(?=@)")
# Names of fields that hold secrets, whatever stands before them (`db_password`, `clientSecret`). Spelled out in three
# cases: a pattern that begins with plain characters is searched many times faster than one that ignores case.
_SECRETS: tuple[str, ...] = (
    "password",
    "passwd",
    "pwd",
    "secret",
    "api_key",
    "api-key",
    "apikey",
    "private_key",
    "private-key",
    "privatekey",
)
_SECRETS += ("cvc", "cvv", "apiKey", "privateKey", "ApiKey", "PrivateKey")
# `token` alone, or after these: a page token opens nothing.
_TOKENS = ("access", "refresh", "auth", "id", "session", "bearer", "api")


def _name_pattern() -> str:
    names = sorted({spelled for word in _SECRETS for spelled in (word, word.capitalize(), word.upper())})
    for token in ("token", "Token", "TOKEN"):
        before = [
            f"(?<={first}{gap}{token})" for word in _TOKENS for first in (word, word.upper()) for gap in ("_", "-", "")
        ]
        names.append(f"{token}(?:(?<![A-Za-z0-9_-]{token})|{'|'.join(before)})")
    return "|".join(names)


# After the name: JSON (also within a JSON string, its quotes escaped), a form field, or a part of a multipart form.
_NAMED = re.compile(
    rf"(?P<name>{_name_pattern()})(?:"
    r"(?P<json>(?P<slash>\\*)\"\s*:\s*)(?:"
    r"\"(?P<text>(?:[^\"\\]|\\.)*)"
    r"|(?P=slash)\"(?P<nested>.*?)(?=(?<!\\)(?P=slash)\"|$)"
    r"|(?P<number>[0-9]+))"
    r"|(?P<form>(?:\]|%5D)?=)(?P<value>[^&\s\"',;]+)"
    r"|(?P<part>\"\r?\n(?:[^\r\n]+\r?\n)*\r?\n)(?P<content>[^\r\n]+))",
    re.DOTALL,
)
_WHOLE_NAME = re.compile(rf"[A-Za-z0-9_-]*(?:{_name_pattern()})")
# Names of test objects and references that a reader wants to see: `token=tok_visa`.
_PLAIN = re.compile(r"(?:tok|pm|btok|ct)_[A-Za-z0-9_]+|true|false|null|none", re.IGNORECASE)
_SEPARATOR = r"(?:[ +-]|%20)"
_DIGITS = re.compile(rf"[0-9](?<![0-9.][0-9])(?:{_SEPARATOR}?[0-9]){{12,}}(?!\.?[0-9])")
# Issuers and their lengths (ISO/IEC 7812): without them every tenth timestamp in milliseconds would be a card.
_ISSUER = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[0-9]{15}|2[2-7][0-9]{14}|3[47][0-9]{13}|3[068][0-9]{12}|35[0-9]{14}"
    r"|6[0-9]{15,18}"
)

# --- the cheap test

_DIGIT_TABLE = bytes(48 if 48 <= byte < 58 else 46 for byte in range(256))
# The markers of _KEYS and most of _SECRETS as they look with everything else left out: `sk_live_` is `k_v_`.
_KEPT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_-.cdghkptvwxyz")
_DROPPED = bytes(byte for byte in range(256) if byte not in _KEPT)
_SKELETON = (
    *(
        b"k_v_",
        b"k_tt_",
        b"whc_",
        b"gh_",
        b"ghp_",
        b"gth_pt_",
        b"xx-",
        b"xxc-",
        b"xxd-",
        b"xxp-",
        b"xpp-",
        b"k-",
        b"gpt-",
    ),
    *(b"AKIA", b"ASIA", b"AIz", b"SG.", b"-----BEGIN", b"pwd", b"Pwd", b"PWD", b"PASSW", b"SECRET", b"TOKEN"),
    *(b"p_ky", b"p-ky", b"pky", b"pKy", b"t_ky", b"t-ky", b"tky", b"tKy", b"API", b"PRIVATE"),
    *(b"Cvc", b"Cvv", b"CVC", b"CVV"),
)
_RAW_USERINFO = re.compile(_USERINFO.pattern.encode())
# What would leave too little behind.
_WHOLE = (b"ecret", b"oken", b"earer", b"npm_", b"eyJ", b"cvc", b"cvv")


def suspicious(raw: bytes) -> bool:
    """Whether `redact` might find anything. True too often, never False wrongly."""
    if b"0000000000000" in raw.translate(_DIGIT_TABLE, b" +-%"):
        return True
    skeleton = raw.translate(None, _DROPPED)
    for marker in _SKELETON:
        if marker in skeleton:
            return True
    for marker in _WHOLE:
        if marker in raw:
            return True
    return _RAW_USERINFO.search(raw) is not None


def redact(text: str) -> str:
    """Any text, a JSON document or a form for instance, without its secrets."""
    return redact_found(text) if suspicious(text.encode("utf-8", "replace")) else text


def redact_found(text: str) -> str:
    """`redact` without the cheap test, for text that failed it."""
    return _DIGITS.sub(_mask_cards, _mask_words(text))


def _mask_words(text: str) -> str:
    """All but cards. What is masked stays within its quotes, so a JSON document remains one."""
    text = _USERINFO.sub(rf"\1{REDACTED}", text)
    return _PEM.sub(rf"\1{REDACTED}", _KEYS.sub(_mask_key, _NAMED.sub(_mask_named, text)))


def redact_json(raw: bytes) -> bytes:
    """A JSON document, still valid and of the same shape, without its secrets."""
    if not suspicious(raw):
        return raw
    text = raw.decode()
    if _DIGITS.sub(_mask_cards, text) == text:
        masked = _mask_words(text)
        if masked == text:
            return raw
        try:
            _check.decode(masked)
        except msgspec.DecodeError:
            pass
        else:
            return masked.encode()
    return msgspec.json.encode(_redact_value(msgspec.json.decode(raw)))


def redact_headers(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Headers with credentials masked; the scheme of an Authorization and the names of cookies stay."""
    return tuple([(name, _redact_header(name, value)) for name, value in headers])


# --- masks


def _mask(secret: str) -> str:
    return f"…{secret[-4:]}" if len(secret) >= 12 else "…"


def _mask_key(match: re.Match[str]) -> str:
    prefix, key = match["prefix"], match["key"]
    if prefix in ("AKIA", "ASIA"):
        # What follows the id (`/20260105/eu-west-1/…`) is no secret.
        known = _AWS_KEY.match(key)
        return match[0] if known is None else prefix + _mask(known[0]) + key[known.end() :]
    if prefix == "eyJ":
        known = _JWT.match(key)
        return match[0] if known is None else prefix + _mask(known[0]) + key[known.end() :]
    if prefix[:2] in ("Be", "be") and len(key) < _SHORTEST_BEARER:
        return match[0]
    return prefix + _mask(key)


def _mask_named(match: re.Match[str]) -> str:
    value = match["text"] or match["nested"] or match["value"] or match["content"] or match["number"]
    # What has a known format is masked as that, which tells a reader more.
    if not value or _PLAIN.fullmatch(value) or _KEYS.fullmatch(value):
        return match[0]
    if match["json"]:
        quote = f'{match["slash"]}"'
        return f"{match['name']}{match['json']}{quote}{REDACTED}{quote if match['number'] else ''}"
    return f"{match['name']}{match['form'] or match['part']}{REDACTED}"


def _mask_cards(match: re.Match[str]) -> str:
    """Mask the cards in a run of digits; a card begins and ends where a group of digits does."""
    parts = re.split(f"({_SEPARATOR})", match[0])
    groups = parts[::2]
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
        return redact_found(value)
    if isinstance(value, dict):
        return {key: _redact_member(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_redact_value(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and is_card(str(value)):
        return "*" * (len(str(value)) - 4) + str(value)[-4:]
    return value


def _redact_member(key: str, value: Any) -> Any:
    if _WHOLE_NAME.fullmatch(key) is None:
        return _redact_value(value)
    if isinstance(value, str) and value and not _PLAIN.fullmatch(value):
        return REDACTED
    if isinstance(value, int) and not isinstance(value, bool):
        return REDACTED
    return _redact_value(value)


# --- headers

_AUTHORIZATION = frozenset({"authorization", "proxy-authorization"})
_CREDENTIAL = re.compile(r"token|secret|passw|api-?key|-auth\b|-key\b|credential|session|signature")
# Keys that open nothing, and names that only look like credentials.
_SHORT = 256
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


def _redact_header(name: str, value: str) -> str:
    return _redact_short(name, value) if len(value) < _SHORT else _redact_any(name, value)


@lru_cache(maxsize=1024)
def _redact_short(name: str, value: str) -> str:
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
    known = _KEYS.fullmatch(text)
    if known is not None:
        return _mask_key(known)
    return REDACTED


def _mask_cookie(part: str) -> str:
    name, equals, _ = part.strip().partition("=")
    return f"{name}={REDACTED}" if equals else REDACTED
