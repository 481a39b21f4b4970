"""DNS messages (`capture/dns/wire.py`, `answer.py`): any datagram has at most one answer, and every answer can be read.

An independent parser (mitmproxy's) reads each answer; it carries the query's id and question, is no longer than the
query and a record of each kind, and the judge is asked exactly once.
"""

import struct

from mitmproxy import dns as independent

from childproof.capture.destination import Ingress
from childproof.capture.dns import Answerer, wire
from childproof.capture.names import NameTable
from childproof.model import normalize_host
from tests.fuzz.fakes import Judge

_NAMES = NameTable(lambda: 0.0)
_ROOM = 300  # bytes that an answer may have more than its query: a name and a fixed part


def check(data: bytes) -> None:
    """One datagram."""
    judge = Judge()
    names = _NAMES if len(_NAMES) < 50_000 else NameTable(lambda: 0.0)
    response = Answerer(Ingress("main", "box"), names, judge).answer(data)
    assert len(judge.calls) == 1
    call = judge.calls[0]
    assert call.violation is None or call.violation.kind != "internal", call.violation
    if response.data is None:
        assert len(data) < 12 or data[2] & 0x80
        return
    assert len(response.data) <= len(data) + _ROOM
    assert response.data[:2] == data[:2]
    flags, questions, answers = struct.unpack_from("!3H", response.data, 2)
    assert flags & 0x8000
    try:
        message = independent.DNSMessage.unpack(response.data)
    except struct.error as error:  # labels that are no text are beyond it
        assert "illegal characters" in str(error) or "label" in str(error), error
    except UnicodeError:  # nor does it take A-labels that say nothing
        assert b"xn--" in response.data.lower()
    else:
        assert len(message.questions) == questions
    if questions:
        query = wire.parse_query(data)
        assert query.section in response.data
        assert not answers or call.violation is None
        assert answers <= 1
        if call.violation is None:
            assert normalize_host(call.host) == call.host
    else:
        assert call.violation is not None
