"""What is left out of mitmproxy stays out, refuses to be used, and is there for whoever imports it by itself."""

import json
import subprocess
import sys
from typing import Any

LOADED = """
import json, sys
import childproof.capture.mitm.capture
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
USED = """
import json
import childproof.capture.mitm.capture
from mitmproxy.proxy.layers import http
try:
    http.Http3Server(None)
except RuntimeError as error:
    print(json.dumps(str(error)))
"""
REAL = """
import json
import childproof.capture.mitm.capture
import mitmproxy.addons, mitmproxy.command_lexer, mitmproxy.flowfilter, ruamel.yaml
from mitmproxy.proxy.layers.quic import ClientQuicLayer
print(json.dumps([ClientQuicLayer.__module__, str(mitmproxy.command_lexer.expr.parse_string("a b")), ruamel.yaml.YAML().typ]))
"""


def python(code: str) -> Any:
    """What a fresh interpreter prints, as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_what_is_never_used_is_not_imported() -> None:
    loaded = python(LOADED)
    assert "mitmproxy" in loaded
    assert not {"aioquic", "pyparsing", "flask", "ldap3", "werkzeug"} & set(loaded)


def test_a_part_that_is_left_out_can_not_be_used() -> None:
    assert python(USED) == "Http3Server is a part of mitmproxy that childproof leaves out"


def test_the_real_parts_are_there_for_others() -> None:
    module, parsed, kinds = python(REAL)
    assert module.startswith("mitmproxy.proxy.layers.quic")
    assert parsed == "['a', ' ', 'b']"
    assert kinds == ["rt"]
