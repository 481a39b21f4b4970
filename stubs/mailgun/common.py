"""What Mailgun's resources share: domains by name, times as it writes them, yes and no, addresses, and its two kinds of pages."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from childproof.stubkit import Context, Entity, Refusal, Upload

ACCOUNT = "5f3a9c1be7d24e8a90b6c1d2"
_ADDRESS = re.compile(r"[^\s<>@,;\"()]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
_NAMED = re.compile(r"\s*(?P<name>\"(?:[^\"\\]|\\.)*\"|[^<>\"]*?)\s*<\s*(?P<address>[^<>\s]+)\s*>\s*")
LONGEST = 1000  # characters of one mailbox, or of any text that is looked through by its pattern
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def wrong(message: str, status: int = 400) -> Refusal:
    """What Mailgun refuses with: a message."""
    return Refusal(status, None, message)


def domain(ctx: Context, name: str) -> Entity:
    """A domain by its name. Raises Mailgun's refusal of an unknown one."""
    found = ctx.find("domain", name.lower())
    if found is None:
        raise wrong(f"Domain not found: {name}", 404)
    return found


def written(ms: int) -> str:
    """A time as Mailgun writes it (RFC 2822), whatever the machine's language."""
    time = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{_DAYS[time.weekday()]}, {time.day:02} {_MONTHS[time.month - 1]} {time.year} {time:%H:%M:%S} GMT"


_TIME = re.compile(
    r"(?:[A-Za-z]{3},\s*)?(?P<day>\d{1,2})\s+(?P<month>[A-Za-z]{3})\s+(?P<year>\d{4})\s+(?P<hour>\d{2}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2}))?\s*(?P<zone>[+-]\d{4}|[A-Z]{1,4})?"
)


def read_time(given: str) -> int | None:
    """A time as clients write it, in unix ms: RFC 2822, or a number of seconds; None for what is neither."""
    if re.fullmatch(r"\d{9,11}(?:\.\d+)?", given):
        return int(float(given) * 1000)
    fit = _TIME.fullmatch(given.strip()) if len(given) <= LONGEST else None
    if fit is None or fit["month"].title() not in _MONTHS:
        return None
    zone = fit["zone"] if fit["zone"] and fit["zone"][0] in "+-" else "+0000"
    month = _MONTHS.index(fit["month"].title()) + 1
    text = f"{fit['year']}-{month:02}-{int(fit['day']):02}T{fit['hour']}:{fit['minute']}:{fit['second'] or '00'}{zone[:3]}:{zone[3:]}"
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return None


def yes(given: Any, *, default: bool = False) -> bool:
    """`yes`, `true` and `1` mean yes."""
    return default if given is None else str(given).lower() in {"yes", "true", "1"}


def bare(mailbox: str) -> str:
    """The address without its name; "" where there is none that could be used."""
    if len(mailbox) > LONGEST:
        return ""
    fit = _NAMED.fullmatch(mailbox)
    address = fit["address"] if fit is not None else mailbox.strip()
    return address if _ADDRESS.fullmatch(address) else ""


def name_of(mailbox: str) -> str:
    """The name that goes with an address; "" for a bare one."""
    fit = _NAMED.fullmatch(mailbox) if len(mailbox) <= LONGEST else None
    return fit["name"].strip().strip('"') if fit is not None else ""


def mailboxes(values: Sequence[str], field: str) -> list[str]:
    """All mailboxes of a field that may come several times, each with several; every address once. Raises the refusal."""
    found: dict[str, str] = {}
    for value in values:
        for one in _split(value):
            address = bare(one)
            if not address:
                raise wrong(f"'{field}' parameter is not a valid address. please check documentation")
            found.setdefault(address.lower(), one.strip())
    return list(found.values())


def _split(value: str) -> list[str]:
    """The mailboxes of a text: apart by commas that are in no quotes."""
    found: list[str] = []
    held: list[str] = []
    quoted = False
    for part in value.split(","):
        held.append(part)
        quoted ^= part.count('"') % 2 == 1
        if not quoted:
            found.append(",".join(held))
            held = []
    return [one for one in (*found, ",".join(held)) if one.strip()]


def several(ctx: Context, name: str) -> list[str]:
    """The values of a field that may come several times."""
    return [value for field, value in ctx.fields() if field == name]


def rows(upload: Upload) -> list[dict[str, str]]:
    """The rows of a CSV file, by their columns in lower case. Raises the refusal of a file that is none."""
    text = upload.data.decode("utf-8-sig", "replace")
    try:
        return [
            {name.strip().lower(): value for name, value in row.items() if name and isinstance(value, str) and value}
            for row in csv.DictReader(io.StringIO(text))
        ]
    except csv.Error as error:
        raise wrong(f"Invalid CSV file: {error}") from None


def paged(
    ctx: Context, items: Sequence[Any], pivot: Callable[[Any], str], *, parameter: str = "address", most: int = 1000
) -> tuple[list[Any], dict[str, str]]:
    """One page of items in the order of their pivots, and the addresses of the other pages."""
    limit = min(max(int(ctx.query.get("limit") or 100), 1), most)
    ordered = sorted(items, key=pivot)
    where, at = ctx.query.get("page") or "first", ctx.query.get(parameter) or ""
    if where == "next":
        shown = [one for one in ordered if pivot(one) > at][:limit]
    elif where in {"previous", "prev"}:
        shown = [one for one in ordered if pivot(one) < at][-limit:]
    elif where == "last":
        shown = ordered[-limit:]
    else:
        shown = ordered[:limit]

    def address(page: str, place: str = "") -> str:
        asked = {**{name: value for name, value in ctx.query.items() if name not in {"page", parameter}}, "page": page}
        asked |= {parameter: place} if place else {}
        return f"https://{ctx.call.host}{ctx.call.path}?{urlencode({**asked, 'limit': limit})}"

    first, last = (pivot(shown[0]), pivot(shown[-1])) if shown else (at, at)
    pages = {
        "first": address("first"), "last": address("last"), "next": address("next", last), "previous": address("previous", first),
    }  # fmt: skip
    return shown, pages


def counted(ctx: Context, items: Sequence[Any], *, most: int = 1000) -> dict[str, Any]:
    """A page by `skip` and `limit`, with how many there are."""
    limit = min(max(int(ctx.query.get("limit") or 100), 1), most)
    skip = max(int(ctx.query.get("skip") or 0), 0)
    return {"total_count": len(items), "items": list(items[skip : skip + limit])}
