"""XML requests as plain values: an element with children is a mapping, one that comes again a list, any other its text.

Attributes are keys that begin with `@`. Document types are refused, so that nothing is ever expanded or fetched.
"""

from typing import Any
from xml.parsers import expat

from childproof.model import BodyError

MAX_DEPTH = 50
MAX_ELEMENTS = 10_000
_TEXT = "#text"


def parse_xml(body: bytes) -> Any:
    """What is within the document's root element. Raises BodyError."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=None)
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(body, True)
    except BodyError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter two for encodings that it can't read
        raise BodyError(f"invalid XML: {error}") from None
    return reader.root


class _Reader:
    def __init__(self) -> None:
        self.root: Any = None
        self._open: list[dict[str, Any]] = []
        self._count = 0

    def doctype(self, *_: Any) -> None:
        raise BodyError("invalid XML: a document type")

    def start(self, _name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise BodyError("invalid XML: too many elements")
        plain = {key: value for key, value in attributes.items() if not key.startswith("xmlns")}
        self._open.append({_TEXT: [], **{f"@{key}": value for key, value in plain.items()}})

    def text(self, text: str) -> None:
        self._open[-1][_TEXT].append(text)

    def end(self, name: str) -> None:
        node = self._open.pop()
        text = "".join(node.pop(_TEXT)).strip()
        value: Any = node if node and not text else {**node, _TEXT: text} if node else text
        if not self._open:
            self.root = value
            return
        around, key = self._open[-1], name.rpartition(":")[2]
        if key not in around:
            around[key] = value
        elif isinstance(around[key], list):
            around[key].append(value)
        else:
            around[key] = [around[key], value]
