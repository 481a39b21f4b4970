"""Text in markup, and the text of markup.

Python's `xml.sax.saxutils` would do the first, and imports an HTTP client for it.
"""

import html

_BREAKS = frozenset({"br", "/p", "/div", "/h1", "/h2", "/h3", "/h4", "/h5", "/h6", "/li", "/tr"})
_HIDDEN = frozenset({"style", "script", "head"})
_SPACES = str.maketrans({"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def escaped(text: str) -> str:
    """A text as it stands between tags."""
    return html.escape(text, quote=False)


def quoted(text: str) -> str:
    """A text as an attribute's value, with its quotes."""
    return f'"{html.escape(text).replace("&#x27;", "'").translate(_SPACES)}"'


def plain_text(markup: str) -> str:
    """The text of an HTML page, a line for each paragraph, for mails that have no other; in time that grows with its length."""
    found: list[str] = []
    lower, at = markup.lower(), 0
    while (start := markup.find("<", at)) >= 0 and (end := markup.find(">", start)) >= 0:
        found.append(markup[at:start])
        name = lower[start + 1 : end].split(maxsplit=1)[:1]
        tag = name[0].rstrip("/") if name else ""
        at = end + 1
        if tag in _BREAKS:
            found.append("\n")
        elif tag in _HIDDEN:
            close = lower.find(f"</{tag}", at)
            at = len(markup) if close < 0 else close
    text = html.unescape("".join([*found, markup[at:]]))
    return "\n".join(line.strip() for line in text.splitlines()).strip()
