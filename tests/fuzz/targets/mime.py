"""A mail message taken apart (`stubs/email/mime.py`): never raises, and nothing in it that can't be stored."""

import json

from stubs.email import mime


def check(data: bytes) -> None:
    """One message."""
    parsed = mime.parse(data)
    texts = [parsed.subject, parsed.message_id, parsed.date, parsed.text or "", parsed.html or "", *parsed.defects]
    texts += [value for pair in parsed.headers for value in pair]
    for found in (parsed.sender, parsed.to, parsed.cc, parsed.reply_to):
        texts += [value for address in found for value in address.values()]
    for part in parsed.attachments:
        texts += [part.filename, part.type, part.content_id]
    json.dumps(texts).encode()
    "".join(texts).encode()  # no surrogates
    assert len(parsed.attachments) <= mime.MOST_PARTS
    for pair in parsed.headers:
        assert not set("".join(pair)) & set("\r\n"), pair
