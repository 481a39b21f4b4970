"""What the tests of the wire share: a judge that remembers, certificates for any host, and SMTP with a real client."""

import asyncio
import datetime as dt
import functools
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from childproof.capture.destination import Destination, Ingress
from childproof.capture.smtp import smtp_protocol_factory
from childproof.model import Action, Call, Outcome, Protocol, Reply, Upstream, Verdict


class FakeJudge:
    """Answers as `answer(call)` says, violations with a denial; remembers everything."""

    def __init__(self, answer: Callable[[Call], Outcome] | None = None, *, max_body: int = 100_000) -> None:
        self.calls: list[Call] = []
        self.settled: list[tuple[Upstream, str]] = []
        self.max_body = max_body
        self.answer = answer or accept

    def handle(self, call: Call) -> Outcome:
        self.calls.append(call)
        if call.violation is not None:
            return Outcome("call_v", Verdict(reason=call.violation.reason), Reply(call.violation.status))
        return self.answer(call)

    def settle(self, outcome: Outcome, upstream: Upstream, reply: Reply | None, error: str = "") -> None:
        self.settled.append((upstream, error))

    def may_allow(self, world: str, host: str, port: int) -> bool:
        return False

    @property
    def violations(self) -> list[str]:
        return [call.violation.kind for call in self.calls if call.violation is not None]


def accept(call: Call) -> Outcome:
    match call.protocol:
        case Protocol.SMTP:
            return Outcome("call_1", Verdict(Action.STUB, "mail", "a rule says so"), Reply(250))
        case Protocol.DNS:
            return Outcome("call_1", Verdict(Action.REPLY, None, "every name is answered"), Reply(0))
        case _:
            return deny(call)


def deny(call: Call) -> Outcome:
    status = {Protocol.SMTP: 550, Protocol.DNS: 3}.get(call.protocol, 0)
    body = b"5.7.1 childproof: no rule matches" if call.protocol is Protocol.SMTP else b""
    return Outcome("call_2", Verdict(reason="no rule matches"), Reply(status, (), body))


@pytest.fixture
def judge() -> FakeJudge:
    return FakeJudge()


@pytest.fixture
def denying() -> FakeJudge:
    return FakeJudge(deny)


@pytest.fixture
def judge_of() -> type[FakeJudge]:
    return FakeJudge


class Certificates:
    """A little authority."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.ca = self._certificate("ca", self.name, authority=True)
        self.path = folder / "ca.pem"
        self.path.write_bytes(self.ca.public_bytes(serialization.Encoding.PEM))
        self.server = functools.cache(self._server)

    def _certificate(self, host: str, subject: x509.Name, *, authority: bool = False) -> x509.Certificate:
        year = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(year)
            .not_valid_after(year.replace(year=2080))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=authority,
                    crl_sign=False,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            # Python 3.13 checks strictly (RFC 5280, section 4.2.1): both identifiers, and what the key may do.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def _server(self, host: str) -> ssl.SSLContext:
        certificate = self._certificate(host, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
        file = self.folder / f"{host}.pem"
        file.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.path))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def converse(certificates: Certificates) -> Callable[..., Any]:
    """Run a blocking client against an SMTP listener that stands for host:port; return when its session is over."""

    def run(judge: FakeJudge, port: int, client: Callable[[tuple[str, int]], Any], host: str = "smtp.gmail.com") -> Any:
        async def main() -> Any:
            loop = asyncio.get_running_loop()
            sessions: list[asyncio.Event] = []
            accepted = asyncio.Event()  # a client may be gone before the loop has come round to it

            def make() -> asyncio.Protocol:
                over = asyncio.Event()
                sessions.append(over)
                accepted.set()
                return smtp_protocol_factory(
                    Ingress("w", "s"),
                    Destination(host, port, "198.18.0.1"),
                    judge,
                    certificates.server,
                    on_close=over.set,
                )

            server = await loop.create_server(make, "127.0.0.1", 0)
            try:
                result = await asyncio.to_thread(client, server.sockets[0].getsockname())
                async with asyncio.timeout(10):
                    await accepted.wait()
                    for over in sessions:
                        await over.wait()
            finally:
                server.close()
            return result

        return asyncio.run(main())

    return run
