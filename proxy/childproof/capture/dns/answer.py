"""A query's bytes to the response's bytes: parse, judge, tie an address, build. No I/O; one instance per sandbox."""

import contextlib
import ipaddress
import logging
from typing import Literal

import msgspec

from childproof.capture.destination import Ingress, Judge
from childproof.capture.names import TTL, NamesExhausted, NameTable
from childproof.model import Action, Call, HostError, Outcome, Protocol, Violation, is_address, normalize_host

from . import wire

log = logging.getLogger(__name__)


class Response(msgspec.Struct, frozen=True):
    """What to send after `delay` seconds; None where silence is the answer."""

    data: bytes | None
    delay: float = 0.0


SILENCE = Response(None)


class Answerer:
    """Answers one sandbox's queries from its name table, each one a call that the judge is asked about."""

    def __init__(self, ingress: Ingress, names: NameTable, judge: Judge) -> None:
        self._ingress = ingress
        self._names = names
        self._judge = judge

    def answer(self, data: bytes) -> Response:
        """The response to one message. Never raises: what goes wrong in here is SERVFAIL and an entry."""
        try:
            query = wire.parse_query(data)
        except wire.WireError as error:
            return self._malformed(data, error)
        except Exception as error:  # noqa: BLE001 (whatever it is: SERVFAIL and an entry)
            return self._failed(data, error)
        try:
            return self._judged(query)
        except Exception as error:  # noqa: BLE001 (likewise)
            return self._failed(data, error)

    def refuse(self, data: bytes, reason: str) -> Response:
        """REFUSED, with an entry that says why. Never raises."""
        name = kind = ""
        with contextlib.suppress(Exception):
            query = wire.parse_query(data)
            name, kind = query.name, query.type_name
        try:
            self._judge.handle(self._call(name, kind, Violation("unsupported", reason, wire.REFUSED)))
        except Exception:
            log.exception("a refused DNS query could not be recorded")
        return Response(wire.build_error(data, wire.REFUSED)) if len(data) >= wire.HEADER.size else SILENCE

    def _judged(self, query: wire.Query) -> Response:
        try:
            host = _hostname(query.name)
        except HostError as error:
            # NXDOMAIN, not FORMERR: the message is well-formed, it is the name that can't exist
            violation = Violation("bad_host", str(error), wire.NXDOMAIN)
            outcome = self._judge.handle(self._call(query.name, query.type_name, violation))
            return Response(wire.build(query, wire.NXDOMAIN), outcome.delay)
        records: list[tuple[int, bytes]] = []
        try:
            records = self._records(query, host)
        except NamesExhausted as error:
            self._judge.handle(self._call(host, query.type_name, Violation("unsupported", str(error), wire.SERVFAIL)))
            return Response(wire.build(query, wire.SERVFAIL))
        return self._response(query, self._judge.handle(self._call(host, query.type_name)), records)

    def _response(self, query: wire.Query, outcome: Outcome, records: list[tuple[int, bytes]]) -> Response:
        if outcome.fault:
            return SILENCE
        if outcome.reply is not None:
            code = outcome.reply.status if 0 <= outcome.reply.status <= 15 else wire.REFUSED
        else:
            code = wire.REFUSED
        if outcome.verdict.action is Action.DENY and code == wire.NOERROR:
            code = wire.NXDOMAIN
        found = records if code == wire.NOERROR else []
        return Response(wire.build(query, code, found, ttl=TTL), outcome.delay)

    def _records(self, query: wire.Query, host: str) -> list[tuple[int, bytes]]:
        match query.type:
            case wire.A:
                return [(wire.A, self._packed(host, 4))]
            case wire.AAAA:
                return [(wire.AAAA, self._packed(host, 6))]
            case wire.PTR:
                name = self._reverse(query)
                return [(wire.PTR, wire.encode_name(name))] if name else []
            case _:
                # SVCB and HTTPS too: no ECH keys, no h3 hints, so nothing hides and nothing tries QUIC first
                return []

    def _packed(self, host: str, family: Literal[4, 6]) -> bytes:
        return ipaddress.ip_address(self._names.address_for(host, family)).packed

    def _reverse(self, query: wire.Query) -> str | None:
        address = wire.reverse_address(query.labels)
        if address is None:
            return None
        if ipaddress.ip_address(address).is_loopback:
            return "localhost"
        return self._names.peek(address)

    def _malformed(self, data: bytes, error: wire.WireError) -> Response:
        try:
            self._judge.handle(self._call("", "", Violation("malformed", str(error), error.code)))
        except Exception:
            log.exception("a malformed DNS message could not be recorded")
        return Response(wire.build_error(data, error.code)) if error.answerable else SILENCE

    def _failed(self, data: bytes, error: Exception) -> Response:
        log.error("a DNS query failed", exc_info=error)
        reason = f"{type(error).__name__} while answering a DNS query: {error}"
        try:
            self._judge.handle(self._call("", "", Violation("internal", reason, wire.SERVFAIL)))
        except Exception:
            log.exception("the failure could not be recorded")
        return Response(wire.build_error(data, wire.SERVFAIL)) if len(data) >= wire.HEADER.size else SILENCE

    def _call(self, host: str, method: str, violation: Violation | None = None) -> Call:
        return Call(
            Protocol.DNS, host, 53, self._ingress.world, self._ingress.sandbox, method=method, violation=violation
        )


def _hostname(name: str) -> str:
    host = normalize_host(name)
    if is_address(host):
        raise HostError(f"{name!r} is an address, not a name")
    return host
