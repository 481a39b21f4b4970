"""A quote as a PDF of one page: plain text, written by hand after ISO 32000-1, enough for every reader."""

from collections.abc import Mapping, Sequence
from typing import Any

from .money import shown


def pdf(quote: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> bytes:
    """The document's bytes."""
    currency = quote["currency"]
    lines = [f"Quote {quote['number']}", quote["header"] or "", quote["description"] or ""]
    lines += [f"{item['quantity']} x {item['description']}: {shown(item['amount_total'], currency)}" for item in items]
    lines += [
        "",
        f"Subtotal: {shown(quote['amount_subtotal'], currency)}",
        f"Total: {shown(quote['amount_total'], currency)}",
    ]
    lines += [quote["footer"] or ""]
    text = " ".join(f"({_escaped(line)}) Tj T*" for line in lines)
    stream = f"BT /F1 12 Tf 16 TL 72 720 Td {text} ET".encode("cp1252", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").replace("\n", " ")
