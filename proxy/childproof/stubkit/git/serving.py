"""Git over HTTP (gitprotocol-http), the smart way: what a client asks for first, and the two services behind it."""

import zlib

from childproof.stubkit.entity import Response

from . import fetching, receiving
from .parsing import read_tag
from .store import Objects
from .values import ZERO, GitError
from .wire import FLUSH, line

SERVICES = {"git-upload-pack": fetching.CAPABILITIES, "git-receive-pack": receiving.CAPABILITIES}
MOST = 16 * 1024 * 1024  # bytes of a request, inflated: git packs what it has and wants, never what it pushes
_HEADERS = {"Cache-Control": "no-cache, max-age=0, must-revalidate", "Pragma": "no-cache"}
AGENT = "agent=git/2.45.0"


def advertised(service: str, objects: Objects, refs: dict[str, str], head: str) -> Response:
    """The reply to `GET info/refs?service=…`: all refs, and what is understood. Raises GitError for another service."""
    if service not in SERVICES:
        raise GitError(f"no service {service[:40]!r}")
    fetches = service == "git-upload-pack"
    capabilities = f"{SERVICES[service]} {AGENT}"
    lines: list[str] = []
    if fetches and head in refs:
        capabilities = f"{capabilities} symref=HEAD:{head}"
        lines.append(f"{refs[head]} HEAD")
    for name, sha in refs.items():
        lines.append(f"{sha} {name}")
        if fetches and objects.kind(sha) == "tag":
            lines.append(f"{peeled(objects, sha)} {name}^{{}}")
    if not lines:
        lines.append(f"{ZERO} capabilities^{{}}")
    lines[0] += f"\0{capabilities}"
    body = line(f"# service={service}\n") + FLUSH + b"".join(line(f"{text}\n") for text in lines) + FLUSH
    return Response(200, body, {**_HEADERS, "Content-Type": f"application/x-{service}-advertisement"})


def result(service: str, body: bytes) -> Response:
    """The reply of a service."""
    return Response(200, body, {**_HEADERS, "Content-Type": f"application/x-{service}-result"})


def body_of(data: bytes, coding: str | None) -> bytes:
    """A request's body without its coding; git packs what is longer than 1 KiB. Raises GitError."""
    if coding is None or coding.lower() in {"", "identity"}:
        return data
    if coding.lower() not in {"gzip", "x-gzip"}:
        raise GitError(f"the body is encoded as {coding[:20]!r}")
    inflate = zlib.decompressobj(31)
    try:
        plain = inflate.decompress(data, MOST)
    except zlib.error as error:
        raise GitError(f"inflate: {error}") from None
    if not inflate.eof:
        raise GitError("the body is not all there, or too large")
    return plain


def peeled(objects: Objects, sha: str) -> str:
    """What a tag of tags stands for in the end."""
    for _ in range(20):
        if objects.kind(sha) != "tag":
            break
        sha = read_tag(sha, objects.read(sha, "tag")).object
    return sha
