"""Texts by format and by name: what JSON Schema and OpenAPI call formats, and what a property's name promises."""

import base64
import importlib
import random
import re
import string
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from .persona import Persona

DAY = 86_400_000
_BORN = datetime(1950, 1, 1, tzinfo=UTC)
# When things happen, from an entity's own moment on: what begins has begun, what ends is still to end.
_LATER = (
    (re.compile(r"birth|^dob$"), 0),
    (re.compile(r"expir|valid_(until|to|through)"), 365 * DAY),
    (re.compile(r"(^|_)(end|ends|until|to|finish|stop|renew|next|period_end)"), 30 * DAY),
    (re.compile(r"(^|_)(due|deadline|trial_end)"), 14 * DAY),
)


def later(name: str) -> int:
    """By how many milliseconds what a name tells of comes after its entity's moment."""
    lowered = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return next((delay for pattern, delay in _LATER if pattern.search(lowered)), 0)


def formatted(kind: str, name: str, who: Persona, now: int) -> str | None:
    """A text of a format, about `who` at a moment (unix milliseconds); None for formats that say nothing of texts."""
    make = _FORMATS.get(kind.lower().replace("_", "-"))
    return None if make is None else make(who, _moment(name, who, now))


def named(name: str, who: Persona, about: str, now: int) -> str:
    """A text as a property's name promises it; some words for a name that promises nothing."""
    spoken = who.spoken(name, about)
    if spoken is not None:
        return spoken
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")
    for pattern, make in _NAMED:
        if pattern.search(plain):
            return make(who, _moment(name, who, now))
    return str(_fake(who.rng, "word"))


def _moment(name: str, who: Persona, now: int) -> datetime:
    lowered = name.lower()
    if "birth" in lowered or lowered == "dob":
        return datetime.fromtimestamp(_BORN.timestamp() + who.rng.randint(0, 50 * 365) * 86_400, UTC)
    return datetime.fromtimestamp((now + later(name)) / 1000, UTC)


def _letters(rng: random.Random, alphabet: str, n: int) -> str:
    return "".join(rng.choices(alphabet, k=n))


def _hex(n: int) -> Callable[[Persona, datetime], str]:
    return lambda who, _: f"{who.rng.getrandbits(4 * n):0{n}x}"


def _uuid(who: Persona, _: datetime) -> str:
    digits = f"{who.rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[who.rng.getrandbits(2)]}{digits[17:20]}-{digits[20:]}"


def _url(who: Persona, _: datetime) -> str:
    return f"https://{who.domain}/{_letters(who.rng, string.ascii_lowercase, 6)}"


def _ipv4(who: Persona, _: datetime) -> str:
    return f"203.0.113.{who.rng.randint(1, 254)}"  # RFC 5737: for documentation


def _ipv6(who: Persona, _: datetime) -> str:
    return f"2001:db8::{who.rng.randint(1, 0xFFFF):x}"  # RFC 3849


def _mac(who: Persona, _: datetime) -> str:
    return ":".join(["02", *(f"{who.rng.getrandbits(8):02x}" for _ in range(5))])


def iban(rng: random.Random) -> str:
    """A German account number whose check digits are right (ISO 13616)."""
    account = f"37040044{rng.randint(0, 10**10 - 1):010d}"
    return f"DE{98 - int(f'{account}131400') % 97:02d}{account}"


def _base64(who: Persona, _: datetime) -> str:
    return base64.b64encode(who.rng.randbytes(12)).decode()


def _date_time(_: Persona, at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


_Make = Callable[[Persona, datetime], str]
_FORMATS: dict[str, _Make] = {
    "date-time": _date_time,
    "datetime": _date_time,
    "iso-8601": _date_time,
    "date": lambda _, at: at.strftime("%Y-%m-%d"),
    "time": lambda _, at: at.strftime("%H:%M:%SZ"),
    "duration": lambda who, _: f"P{who.rng.randint(1, 30)}D",
    "http-date": lambda _, at: at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    "email": lambda who, _: who.person.email,
    "idn-email": lambda who, _: who.person.email,
    "phone": lambda who, _: who.person.phone,
    "phone-number": lambda who, _: who.person.phone,
    "hostname": lambda who, _: who.domain,
    "idn-hostname": lambda who, _: who.domain,
    "ip": _ipv4,
    "ipv4": _ipv4,
    "ip-address": _ipv4,
    "ipv6": _ipv6,
    "cidr": lambda _who, _: "203.0.113.0/24",
    "mac": _mac,
    **dict.fromkeys(("uri", "url", "iri", "link"), _url),
    "uri-reference": lambda who, _: f"/{_letters(who.rng, string.ascii_lowercase, 6)}",
    "iri-reference": lambda who, _: f"/{_letters(who.rng, string.ascii_lowercase, 6)}",
    "uri-template": lambda who, _: f"https://{who.domain}/{{id}}",
    "json-pointer": lambda who, _: f"/{_letters(who.rng, string.ascii_lowercase, 6)}",
    "relative-json-pointer": lambda _who, _: "0",
    "regex": lambda _who, _: "^[a-z]+$",
    "uuid": _uuid,
    "guid": _uuid,
    "byte": _base64,
    "base64": _base64,
    "base64url": lambda who, _: base64.urlsafe_b64encode(who.rng.randbytes(12)).decode(),
    "binary": lambda who, _: _fake(who.rng, "sentence"),
    "password": lambda who, _: _letters(who.rng, string.ascii_letters + string.digits, 16),
    "ulid": lambda who, _: "01" + _letters(who.rng, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24),
    "decimal": lambda who, _: f"{who.rng.randint(100, 99_999) / 100:.2f}",
    "currency": lambda who, _: str(who.spoken("currency", "")),
    "iso-4217": lambda who, _: str(who.spoken("currency", "")).upper(),
    "country-code": lambda who, _: who.person.address.country,
    "iso-3166": lambda who, _: who.person.address.country,
    "color": lambda who, _: f"#{who.rng.getrandbits(24):06x}",
    "hex-color": lambda who, _: f"#{who.rng.getrandbits(24):06x}",
    "semver": lambda who, _: f"{who.rng.randint(0, 4)}.{who.rng.randint(0, 20)}.{who.rng.randint(0, 9)}",
    "unix-time": lambda _, at: str(int(at.timestamp())),
}
_NAMED: tuple[tuple[re.Pattern[str], _Make], ...] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        ((r"^(created|updated|modified|deleted|started|ended|published|last_\w+|due|expire[sd])(_(at|on|date|time))?$"
         r"|_(at|date_?time|time_?stamp)$|^time_?stamp$"), _date_time),
        (r"(^|_)(date|dob|birthday|birth_?date|day)$", _FORMATS["date"]),
        (r"(^|_)time$", _FORMATS["time"]),
        (r"(image|avatar|photo|picture|logo|icon|thumbnail)(_?ur[il])?$", lambda who, at: f"{_url(who, at)}.png"),
        (r"ur[il]$|link$|^href$|website|homepage|webhook|callback|redirect", _url),
        (r"(^|_)uuid$|^guid$", _uuid),
        (r"(^|_)(sha|sha1|commit|revision|git_ref)$|_sha$", _hex(40)),
        (r"sha_?256|digest|fingerprint|checksum|(^|_)hash$", _hex(64)),
        (r"(^|_)(md5|etag)$", _hex(32)),
        (r"(^|_)id$|_ids$|identifier", lambda who, _: _letters(who.rng, string.ascii_lowercase + string.digits, 16)),
        (r"ip(v4)?(_?addr(ess)?)?$|remote_addr", _ipv4),
        (r"ipv6", _ipv6),
        (r"(^|_)mac(_address)?$", _mac),
        (r"iban", lambda who, _: iban(who.rng)),
        (r"^bic$|swift", lambda _who, _: "COBADEFFXXX"),
        (r"^sku$|_sku$|part_number|article_number",
         lambda who, _: f"{_letters(who.rng, string.ascii_uppercase, 3)}-{who.rng.randint(1000, 9999)}"),
        (r"colou?r", _FORMATS["color"]),
        (r"version$", _FORMATS["semver"]),
        (r"(mime|content|media)_?type", lambda _who, _: "application/pdf"),
        (r"file_?name$|^file$", lambda who, _: f"{_fake(who.rng, 'word')}-{who.rng.randint(1, 99)}.pdf"),
        (r"user_?agent", lambda _who, _: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
        (r"(amount|price|total|balance|cost|fee|rate)$", _FORMATS["decimal"]),
        (r"(token|secret|api_?key|nonce|signature)$", lambda who, _: _letters(who.rng, string.ascii_letters + string.digits, 24)),
        (r"(^|_)(code|reference|number|ref|serial)$",
         lambda who, _: f"{_letters(who.rng, string.ascii_uppercase, 2)}{who.rng.randint(10_000, 99_999)}"),
        (r"(^|_)path$", lambda who, _: f"/{_fake(who.rng, 'word')}/{_fake(who.rng, 'word')}"),
        (r"status$|^state$", lambda _who, _: "active"),
        (r"gender|^sex$", lambda who, _: who.rng.choice(("female", "male"))),
        (r"title|headline|subject|tagline", lambda who, _: _fake(who.rng, "catch_phrase")),
        (r"descri|summary|text|comment|message|note|body|content|reason|bio|about|details",
         lambda who, _: _fake(who.rng, "sentence")),
    )
)  # fmt: skip


def _fake(rng: random.Random, word: str) -> str:
    generator = _generator()
    generator.random = rng
    return str(getattr(generator, word)()).replace("\n", ", ")


@cache
def _generator() -> Any:
    """Faker's few providers that are used here: the whole of it costs a second and 25 MB."""
    generator = importlib.import_module("faker.generator").Generator()
    for name in ("company.en_US", "lorem.en_US"):
        generator.add_provider(importlib.import_module(f"faker.providers.{name}").Provider(generator))
    return generator
