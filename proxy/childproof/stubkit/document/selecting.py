"""Operations at one path that a field of the request tells apart: `/#Action=SendEmail`, `/{queue}/#X-Amz-Target=Queues.Purge`.

Documents write such an operation's path with a fragment. The field is looked for among the request's headers, then in its
query, then in its form. A fragment without a value (`/{bucket}#acl`) is a query parameter that is there.
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, unquote_plus

from childproof.model import Call

_FORM = "application/x-www-form-urlencoded"
_LONGEST = 200  # characters of a value that may name an operation


class Selectors:
    """The fields that a document's fragments name, in its order."""

    def __init__(self, templates: Iterable[str]) -> None:
        fragments = [template.partition("#")[2] for template in templates if "#" in template]
        names = dict.fromkeys(name for name, equals, _ in (one.partition("=") for one in fragments) if equals)
        # The one field is looked for in the bytes: a form may be ten megabytes of a mail.
        self._fields = tuple((name, re.compile(rb"(?:^|&)%b=([^&]*)" % re.escape(name).encode())) for name in names)
        self._flags = tuple(dict.fromkeys(one for one in fragments if "=" not in one))

    def __bool__(self) -> bool:
        return bool(self._fields or self._flags)

    def paths(self, call: Call) -> list[str]:
        """The paths by which templates with fragments would know a call, the likeliest first; [] where none would."""
        query = dict(parse_qsl(call.query, keep_blank_values=True)) if call.query else {}
        form = (call.header("content-type") or "").partition(";")[0].strip().lower() == _FORM
        found = []
        for name, pattern in self._fields:
            value = call.header(name) or query.get(name)
            if value is None and form and (fit := pattern.search(call.body)) is not None:
                value = unquote_plus(fit[1].decode("latin-1"))
            if value is not None and len(value) <= _LONGEST:
                found.append(f"{call.path.rstrip('/')}/#{name}={quote(value, safe='.:_-')}")
        return [*found, *(f"{call.path}#{name}" for name in self._flags if name.partition("&")[0] in query)]
