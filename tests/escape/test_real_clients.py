"""curl, requests and httpx through the explicit proxy, as they come."""

import shutil
import subprocess

import httpx
import pytest
import requests


def curl(machine, *arguments):
    command = ["curl", "-sS", "-m", "10", "--cacert", str(machine.ca.cert_pem), *arguments]
    return subprocess.run(command, check=False, capture_output=True, timeout=20)


@pytest.fixture
def answering(machine, tools):
    machine.judge.decide = tools.stubbed()
    machine.proxy = f"http://127.0.0.1:{machine.port}"
    machine.socks = f"socks5h://127.0.0.1:{machine.port}"
    return machine


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
@pytest.mark.parametrize("way", ["proxy", "socks"])
@pytest.mark.parametrize("flags", [(), ("--http2",), ("--http1.0",)], ids=["default", "http2", "http1.0"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_curl(answering, way, flags, scheme):
    done = curl(answering, "-x", getattr(answering, way), *flags, "-d", "a=b", f"{scheme}://api.example/x?y=1")
    assert (done.stdout, done.stderr) == (b'{"ok": true}', b"")
    [call] = answering.judge.calls
    assert (call.method, call.scheme, call.host, call.path, call.query, call.body, call.violation) == (
        "POST", scheme, "api.example", "/x", "y=1", b"a=b", None,
    )  # fmt: skip


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
def test_curl_uploads_with_expect_and_a_large_body(answering, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(3_000_000))
    done = curl(answering, "-x", answering.proxy, "-T", str(upload), "https://api.example/up")
    assert done.stdout == b'{"ok": true}', done.stderr
    assert len(answering.judge.calls[0].body) == 3_000_000


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
def test_curl_reads_a_413_while_it_uploads(answering, tmp_path):
    answering.judge.max_body = 100_000
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(500_000))
    done = curl(
        answering,
        "-x",
        answering.proxy,
        "-H",
        "Expect:",
        "-w",
        "%{http_code}",
        "-T",
        str(upload),
        "https://api.example/up",
    )
    assert done.stdout.endswith(b"413"), (done.stdout, done.stderr)


def test_requests_keeps_its_connection(answering):
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(answering.ca.cert_pem)
        session.proxies = {"http": answering.proxy, "https": answering.proxy}
        for number in range(10):
            reply = session.post(f"https://api.example/{number}", data={"a": "b"}, timeout=10)
            assert reply.json() == {"ok": True}
        assert session.get("http://plain.example/x", timeout=10).status_code == 200
    assert len(answering.judge.calls) == 11
    assert answering.judge.violations == []


def test_httpx_with_http2_on_offer(answering):
    context = answering.client_context()
    with httpx.Client(http2=True, verify=context, proxy=answering.proxy) as client:
        reply = client.post("https://api.example/x", json={"a": 1})
    assert (reply.status_code, reply.json()) == (200, {"ok": True})


def test_a_denial_is_readable_by_requests(machine):
    with requests.Session() as session:
        session.trust_env = False
        proxy = f"http://127.0.0.1:{machine.port}"
        reply = session.get(
            "https://telemetry.unknown.example/collect",
            proxies={"https": proxy},
            verify=str(machine.ca.cert_pem),
            timeout=10,
        )
    assert (reply.status_code, reply.headers["x-childproof"]) == (403, "deny")
