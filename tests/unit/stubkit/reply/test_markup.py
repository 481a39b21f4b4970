"""Text in markup, and the text of markup."""

import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from childproof.stubkit.reply.markup import escaped, plain_text, quoted

ODD = """<a href="x">'&amp;'</a>\t\r\n]]>&#x27;"""


def test_what_is_written_is_what_is_read() -> None:
    """Between tags and in an attribute, whatever it is; line ends in an attribute, too."""
    assert ET.fromstring(f"<a>{escaped(ODD.replace(chr(13), ''))}</a>").text == ODD.replace("\r", "")
    assert ET.fromstring(f"<a b={quoted(ODD)}/>").get("b") == ODD


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello <b>Ann</b></p><p>Bye</p>", "Hello Ann\nBye"),
        ("a<br>b<BR/>c", "a\nb\nc"),
        ("<style>p {}</style>x<script>if (1 < 2) {}</script>y", "xy"),
        ("<head><title>t</title>", ""),
        ("1 &lt; 2 &amp;amp; <", "1 < 2 &amp; <"),
        ("", ""),
    ],
)
def test_the_text_of_a_page(html: str, text: str) -> None:
    """Paragraphs are lines, what nobody sees is left out, and a page that is cut off gives what there is."""
    assert plain_text(html) == text


def test_no_client_is_imported_for_it() -> None:
    """A stub's start pays for no HTTP client, as Python's own module for this would have it."""
    code = "import sys, childproof.stubkit.reply.xmlreply; print('xml.sax.saxutils' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
