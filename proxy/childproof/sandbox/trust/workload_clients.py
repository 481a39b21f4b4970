"""The clients of a workload, each asked to reach a host that exists nowhere: any reply over TLS that it verified is ours."""

import hashlib
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from .amending import Published
from .bundles import find_bundles
from .clients import Client, installed, try_client
from .trust import SYSTEM_BUNDLES
from .workload import HOST, Finding

_URL = f"https://{HOST}/"
_REPLIED = "childproof-doctor replied"
_SECONDS = 20
_SYSTEM = frozenset(map(os.path.realpath, SYSTEM_BUNDLES))

_PYTHON = f"""import sys, urllib.request, urllib.error
try: status = urllib.request.urlopen(sys.argv[1], timeout={_SECONDS}).status
except urllib.error.HTTPError as error: status = error.code
print("{_REPLIED}", status)"""
_AIOHTTP = f"""import sys, asyncio, aiohttp
async def main():
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(sys.argv[1]) as reply:
        print("{_REPLIED}", reply.status)
asyncio.run(main())"""
_NODE = f"require('https').get(process.argv[1], r => {{ console.log('{_REPLIED}', r.statusCode); process.exit() }}).on('error', e => console.log(e.code))"
_FETCH = f"fetch(process.argv[1]).then(r => console.log('{_REPLIED}', r.status)).catch(e => console.log(e.cause || e))"
_JAVA = f"""
class Probe {{
    public static void main(String[] arguments) throws Exception {{
        var request = java.net.http.HttpRequest.newBuilder(java.net.URI.create(arguments[0])).build();
        var client = java.net.http.HttpClient.newBuilder().proxy(java.net.ProxySelector.getDefault()).build();
        var reply = client.send(request, java.net.http.HttpResponse.BodyHandlers.ofString());
        System.out.println("{_REPLIED} " + reply.statusCode());
    }}
}}
"""

CLIENTS = (
    Client("curl", "curl", ("-sS", "-m", str(_SECONDS), "--suppress-connect-headers", "-o", "/dev/null", "-D", "-", _URL), "HTTP/"),
    Client("wget", "wget", ("-S", "-T", str(_SECONDS), "-t", "1", "-O", "/dev/null", _URL), "HTTP/1."),
    Client("git", "git", ("ls-remote", f"{_URL}repo.git"), "returned error: "),
    Client("python", "python3", ("-c", _PYTHON, _URL), _REPLIED),
    Client("python requests", "python3", ("-c", f"import sys, requests; print('{_REPLIED}', requests.get(sys.argv[1]).status_code)", _URL), _REPLIED, module="requests"),
    Client("python httpx", "python3", ("-c", f"import sys, httpx; print('{_REPLIED}', httpx.get(sys.argv[1]).status_code)", _URL), _REPLIED, module="httpx"),
    Client("python aiohttp", "python3", ("-c", _AIOHTTP, _URL), _REPLIED, module="aiohttp"),
    Client("node https", "node", ("-e", _NODE, _URL), _REPLIED),
    Client("node fetch", "node", ("-e", _FETCH, _URL), _REPLIED),
    Client("java HttpClient", "java", ("Probe.java", _URL), _REPLIED, source=("Probe.java", _JAVA)),
    Client("perl LWP", "perl", ("-MLWP::UserAgent", "-e", f"print '{_REPLIED} ', LWP::UserAgent->new->get($ARGV[0])->header('x-childproof')", _URL), f"{_REPLIED} deny"),
    Client("ruby", "ruby", ("-rnet/http", "-e", f"puts '{_REPLIED} ' + Net::HTTP.get_response(URI(ARGV[0])).code", _URL), _REPLIED),
    Client("php", "php", ("-r", f"$b = file_get_contents('{_URL}', false, stream_context_create(['http' => ['ignore_errors' => true]])); if ($b !== false) echo '{_REPLIED}';"), _REPLIED),
)  # fmt: skip


def trusting(folder: Path, published: Published | None) -> Iterator[Finding]:
    """Each installed client, one after the other. `folder` is where they may write."""
    yield seen_authority(published)
    for client, program in installed(os.environ, sys.executable, CLIENTS):
        if client.program == "perl" and not _runs(program, "-MLWP::Protocol::https", "-e", "1"):
            continue
        trial = try_client(client, program, folder)
        yield Finding(f"{trial.client} trusts childproof", trial.trusted, "" if trial.trusted else trial.said)


def bundled(published: Published) -> Iterator[Finding]:
    """Each bundle that a package brings, and whether it holds the certificate.

    The system's are left out: variables lead past them, and clients that read no variable have been tried.
    """
    for path in find_bundles(("sh",), os.environ, os.getcwd()):
        if path not in _SYSTEM:
            yield Finding(path, published.trusted_in(path))


def seen_authority(published: Published | None, fetch: Callable[[ssl.SSLContext], int] | None = None) -> Finding:
    """Whether who answers for the host that exists nowhere shows a certificate of the published authority."""
    subject = "the authority that is seen"
    if published is None:
        return Finding(
            subject,
            works=False,
            note="no certificate of childproof's is here; mount the folder of ca.publish, or --ca FOLDER",
        )
    context = ssl.create_default_context(cadata=b"\n".join(published.certificates).decode())
    try:
        status = (fetch or _fetch)(context)
    except (OSError, ValueError) as error:
        return Finding(
            subject, works=False, note=f"{published.cert} isn't what signs here: {getattr(error, 'reason', error)}"
        )
    prints = [ssl.PEM_cert_to_DER_cert(one.decode()) for one in published.certificates]
    return Finding(
        f"{subject} is the published one", works=True, note=f"SHA-256 {' '.join(map(_sha256, prints))}; status {status}"
    )


def _sha256(der: bytes) -> str:
    return hashlib.sha256(der).digest().hex(":").upper()


def _fetch(context: ssl.SSLContext) -> int:
    try:
        with urllib.request.urlopen(_URL, timeout=_SECONDS, context=context) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


def _runs(program: str, *arguments: str) -> bool:
    return not subprocess.run([program, *arguments], capture_output=True, check=False).returncode  # noqa: S603
