"""Trust in workloads: real clients behind the start wrapper, against the real proxy, and across a rotation."""

import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from childproof.capture.mitm.ca import ensure_ca
from childproof.run.authority import SCRIPT_NAME, publish
from childproof.sandbox.trust.amending import CERT_NAME
from childproof.sandbox.trust.workload import HOST
from tests.clients.served import Served, serving
from tests.unit.sandbox.trust.workload_tree import confined

URL = f"https://{HOST}/"
PUT = "print('replied', {0})"
# client -> the program, what it does, what it prints if and only if it trusted the proxy's certificate
CLIENTS = {
    "curl": ("curl", f"curl -sS -o /dev/null -w 'replied %{{http_code}}' {URL}"),
    "wget": ("wget", f"wget -nv -O /dev/null {URL} 2>&1 | sed -n 's/.*ERROR \\([0-9]*\\).*/replied \\1/p'"),
    "git": ("git", f"git ls-remote {URL}x.git 2>&1 | sed 's/.*returned error:/replied/'"),
    "python": (
        sys.executable,
        f"""{sys.executable} -c "
import requests, httpx, boto3, urllib.request, urllib.error, stripe
print('requests replied', requests.get('{URL}').status_code)
print('httpx replied', httpx.get('{URL}').status_code)
try: urllib.request.urlopen('{URL}')
except urllib.error.HTTPError as error: print('urllib replied', error.code)
try: boto3.client('s3', region_name='us-east-1', aws_access_key_id='a', aws_secret_access_key='b').list_buckets()
except Exception as error: print('botocore replied', error.response['ResponseMetadata']['HTTPStatusCode'])
stripe.api_key = 'sk_test_trust_example_key'
print('stripe replied', stripe.Customer.list(limit=1).object)
" """,
    ),
    "node": (
        "node",
        f"""node -e "
const [host, port] = process.env.HTTPS_PROXY.slice(7).split(':')
require('http').request({{host, port, method: 'CONNECT', path: '{HOST}:443', headers: {{host: '{HOST}:443'}}}}).on('connect', (_, socket) => {{
  const secure = require('tls').connect({{socket, servername: '{HOST}'}}, () =>
    secure.write('GET / HTTP/1.1\\r\\nhost: {HOST}\\r\\nconnection: close\\r\\n\\r\\n'))
  secure.on('data', data => {{ console.log('replied', data.toString().slice(9, 12)); process.exit() }})
}}).end()" """,
    ),
    "java": ("java", f"java -XX:TieredStopAtLevel=1 Probe.java {URL}"),
}
JAVA = """
class Probe { public static void main(String[] arguments) throws Exception {
    var client = java.net.http.HttpClient.newBuilder().proxy(java.net.ProxySelector.getDefault()).build();
    var request = java.net.http.HttpRequest.newBuilder(java.net.URI.create(arguments[0])).build();
    System.out.println("replied " + client.send(request, java.net.http.HttpResponse.BodyHandlers.ofString()).statusCode());
} }
"""
SECONDS = 15
CHILDPROOF = [sys.executable, "-m", "childproof"]


@pytest.fixture(scope="module")
def side(tmp_path_factory):
    """A proxy that publishes its authority, and the folder."""
    folder = tmp_path_factory.mktemp("side")
    (folder / "ca").mkdir()
    (folder / "childproof.yaml").write_text("state: state\nca: {publish: ca}\nreload: {watch: false}\n")
    with serving(folder) as served:
        yield served, folder


def test_every_client_here_trusts_the_proxy_behind_the_start_wrapper(side, tmp_path):
    """Also stripe, which reads no variable: its own bundle is amended, where the workload may write it."""
    served, folder = side
    (tmp_path / "Probe.java").write_text(JAVA)
    stripe = Path(find_spec("stripe").origin).parent
    shutil.copytree(stripe, tmp_path / "site" / "stripe", ignore=shutil.ignore_patterns("__pycache__"))
    here = {name: script for name, (program, script) in CLIENTS.items() if shutil.which(program)}
    script = "\n".join(f"echo {name} $({command})" for name, command in here.items())
    wrapper = ["sh", str(folder / "ca" / SCRIPT_NAME), "--java", "--proxy", f"http://{served.http}", "--"]
    done = confined(tmp_path, *wrapper, "sh", "-c", script, env={"PYTHONPATH": str(tmp_path / "site")})
    said = done.stdout.splitlines()
    python = "requests replied 403 httpx replied 403 urllib replied 403 botocore replied 403 stripe replied list"
    expected = {name: f"{name} replied 403" for name in here}
    expected |= {"git": "git replied 403", "python": f"python {python}"}
    assert [line.split(":")[0].strip() for line in said] == [expected[name] for name in here], done.stderr
    # and it was the certificate: without the wrapper the same clients refuse
    bare = confined(tmp_path, "curl", "-sS", "--proxy", f"http://{served.http}", URL)
    assert bare.returncode == 60


def test_inside_a_sealed_run_both_doctors_find_everything_closed_and_trusted(tmp_path, needs_sealing):
    """With curl alone, and Python: the others are tried by `childproof doctor`."""
    for folder in ("bin", "ca"):
        (tmp_path / folder).mkdir()
    for program in filter(None, map(shutil.which, ("curl", "sh", "sed", "grep", "id", "head", "tail", "mkdir"))):
        (tmp_path / "bin" / Path(program).name).symlink_to(program)
    publish(ensure_ca(tmp_path / "state"), tmp_path / "ca")
    script = f'"$@" --json; echo $?; exec sh ca/{SCRIPT_NAME} --doctor'
    run = [*CHILDPROOF, "run", "--db", ":memory:", "--report", "none", "--", "sh", "-c", script, "sh"]
    done = subprocess.run(
        [*run, *CHILDPROOF, "doctor", "--workload"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": str(tmp_path / "bin"),
            "HOME": str(tmp_path),
            "CHILDPROOF_STATE": str(tmp_path / "state"),
        },
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text, code, of_shell = done.stdout.partition("\n0\n")
    assert code, text
    found = json.loads(text)
    assert [one for part in ("containment", "clients", "bundles") for one in found[part] if not one["works"]] == []
    assert (found["closed"], found["trusted"], len(found["containment"])) == (True, True, 10)
    assert "✗" not in of_shell
    assert "✓ curl trusts childproof" in of_shell
    assert "✓ no NET_RAW" in of_shell


def context(*certificates: bytes) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=b"\n".join(certificates).decode())


def opened(served: Served, trust: ssl.SSLContext) -> http.client.HTTPSConnection:
    host, _, port = served.http.rpartition(":")
    connection = http.client.HTTPSConnection(host, int(port), context=trust, timeout=SECONDS)
    connection.set_tunnel(HOST, 443)
    return connection


def asked(connection: http.client.HTTPSConnection) -> int:
    connection.request("GET", "/")
    reply = connection.getresponse()
    reply.read()
    return reply.status


def step(served: Served, folder: Path, name: str) -> list[bytes]:
    """One step of the rotation by the command line, taken over by the running proxy; what is published then."""
    subprocess.run([*CHILDPROOF, "ca", "rotate", name], cwd=folder, check=True, capture_output=True)
    served.process.send_signal(signal.SIGHUP)
    published = (folder / "ca" / CERT_NAME).read_bytes()
    return [part + b"-----END CERTIFICATE-----\n" for part in published.split(b"-----END CERTIFICATE-----\n")[:-1]]


def test_a_rotation_interrupts_nobody(side):
    """A connection that is kept, a client that trusts old and new, and after the switch one that trusts only the new."""
    served, folder = side
    old = (folder / "ca" / CERT_NAME).read_bytes()
    kept = opened(served, context(old))
    assert asked(kept) == 403
    socket = kept.sock
    first, second = step(served, folder, "prepare")
    assert first == old
    both = opened(served, context(first, second))
    assert asked(both) == 403

    assert step(served, folder, "switch") == [second, first]
    only_new, patience = opened(served, context(second)), time.monotonic() + SECONDS
    while True:  # the signal arrives when it does
        try:
            assert asked(only_new) == 403
            break
        except ssl.SSLCertVerificationError:
            assert time.monotonic() < patience
            only_new.close()
    assert asked(opened(served, context(first, second))) == 403
    with pytest.raises(ssl.SSLCertVerificationError):
        asked(opened(served, context(first)))
    resumed(served, both)
    assert asked(kept) == 403
    assert kept.sock is socket
    assert step(served, folder, "retire") == [second]
    assert asked(kept) == 403
    assert served.process.poll() is None


def resumed(served: Served, before: http.client.HTTPSConnection) -> None:
    """A session from before the switch isn't resumed, and nothing fails; one from after it is."""
    fresh = opened(served, before._context)
    for expected, session in ((False, before.sock.session), (True, None)):
        again = opened(served, before._context)
        http.client.HTTPConnection.connect(again)
        given = session or fresh.sock.session
        again.sock = before._context.wrap_socket(again.sock, server_hostname=HOST, session=given)
        assert again.sock.session_reused is expected
        assert asked(again) == 403
        if not expected:
            fresh = again
