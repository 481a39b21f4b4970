"""Telemetry over OTLP: what arrives, and that nothing of ours waits for who takes it."""

import builtins
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from childproof.errors import ChildproofError, InputError
from childproof.ledger import Recorded, trace_of
from childproof.model import Effect, Upstream, replace
from childproof.run.config.endpoint import Endpoint, read_headers, telemetry
from childproof.run.watch import otlp
from childproof.run.watch.otlp import Event, Exporter, Sender, send_all
from childproof.run.watch.watching import Watching
from tests.unit.run.report.test_report import ENTRY, STUBBED
from tests.unit.run.watch.collector import Collector, collecting, values

CALL = replace(STUBBED, id="call_0123456789abcdef", at=1_767_603_600_000, duration_us=1500, trace="ab" * 16)
MAIL = replace(CALL, id="call_fedcba9876543210", protocol="smtp", method="MESSAGE", cause=CALL.id,
               effects=(Effect("email", "message.sent", "m"),))  # fmt: skip


@pytest.fixture
def collector() -> Any:
    with collecting() as collector:
        yield collector


def closed_port() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


def test_a_call_is_a_span_and_a_log_record_of_the_same_ids(collector: Collector) -> None:
    assert send_all([CALL, MAIL], Endpoint(collector.url, (("x-key", "s3cret"),))) == 2
    call, mail = collector.spans
    assert (call.trace_id.hex(), call.span_id.hex(), call.parent_span_id) == ("ab" * 16, "0123456789abcdef", b"")
    assert (call.start_time_unix_nano, call.end_time_unix_nano) == (
        1_767_603_599_998_500_000,
        1_767_603_600_000_000_000,
    )
    assert (mail.trace_id, mail.parent_span_id) == (call.trace_id, call.span_id)
    assert call.kind == 3  # client
    assert [(log.trace_id, log.span_id) for log in collector.logs] == [
        (span.trace_id, span.span_id) for span in collector.spans
    ]
    assert collector.logs[0].severity_text == "INFO"
    assert values(call.attributes)["childproof.verdict"] == "stub"
    assert values(mail.attributes)["childproof.effects"] == ["email message.sent"]
    assert collector.resources[0]["service.name"] == "childproof"
    assert {headers["x-key"] for headers in collector.headers} == {"s3cret"}


def test_a_denial_is_an_error_and_a_warning(collector: Collector) -> None:
    send_all([ENTRY], Endpoint(collector.url))
    [span], [log] = collector.spans, collector.logs
    assert (span.status.code, log.severity_text) == (2, "WARN")
    assert span.trace_id.hex() == trace_of(ENTRY.id)
    assert values(span.attributes)["error.type"] == "403"


def test_variables_of_the_command_change_nothing(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were meant for the agent's own telemetry: another endpoint, other headers, off altogether."""
    for name, value in {
        "OTEL_SDK_DISABLED": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://evil.example:4318",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-agent=1",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=agent",
        "HTTP_PROXY": closed_port(),
        "http_proxy": closed_port(),
    }.items():
        monkeypatch.setenv(name, value)
    assert send_all([CALL], Endpoint(collector.url)) == 1
    assert collector.resources[0] == {"service.name": "childproof", "service.version": otlp.__version__}
    assert not any("x-agent" in headers or "content-encoding" in headers for headers in collector.headers)
    assert os.environ["OTEL_SDK_DISABLED"] == "true"


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ChildproofError, match=r"pip install 'childproof\[otel\]'"):
        Exporter(Endpoint("http://127.0.0.1:4318"))


def test_who_isnt_there_is_an_error_for_who_asked_to_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "TIMEOUT", 0.2)
    with pytest.raises(ChildproofError, match="didn't take calls 1 to 1"):
        send_all([CALL], Endpoint(closed_port()))


class TestSender:
    def test_what_waits_is_sent_at_the_end(self, collector: Collector) -> None:
        said: list[str] = []
        sender = Sender(Exporter(Endpoint(collector.url)), collector.url, said.append)
        for number in range(600):
            sender.put(replace(CALL, id=f"call_{number:016x}"), 3)
        sender.close()
        assert sorted(span.span_id.hex() for span in collector.spans) == [f"{number:016x}" for number in range(600)]
        assert values(collector.spans[0].attributes)["childproof.changes"] == 3
        assert (said, sender.lost) == ([], 0)

    def test_a_collector_that_is_down_is_said_and_counted_and_nobody_waits(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(otlp, "TIMEOUT", 0.2)
        said: list[str] = []
        url = closed_port()
        sender = Sender(Exporter(Endpoint(url)), url, said.append)
        for _ in range(5):
            sender.put(CALL, 0)
        sender.close()
        assert sender.lost == 5
        assert said[0] == f"no telemetry arrives at {url}; calls are answered and recorded all the same"
        assert said[-1] == f"telemetry of 5 calls did not reach {url}"

    def test_what_finds_no_room_is_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Stuck(Exporter):
            def __init__(self) -> None:
                self.sent = 0

            def send(self, spans: Any) -> bool:
                self.sent += len(list(spans))
                return True

            def close(self) -> None:
                pass

        monkeypatch.setattr(otlp, "EVERY", 60.0)
        monkeypatch.setattr(otlp, "MOST", 3)
        said: list[str] = []
        stuck = Stuck()
        sender = Sender(stuck, "http://x", said.append)
        for _ in range(5):
            sender.put(CALL, 0)
        assert sender.lost == 2
        sender.close()
        assert (stuck.sent, said) == (3, ["telemetry of 2 calls did not reach http://x"])
        monkeypatch.setattr(otlp, "HEAVIEST", 10)
        heavy = Sender(Stuck(), "http://x", said.append)
        heavy.put(replace(CALL, request=Recorded((), "x" * 11, 11)), 0)
        heavy.close()
        assert heavy.lost == 1


class TestWatching:
    def test_an_allowed_call_is_told_of_when_it_is_over(self, collector: Collector) -> None:
        watching = Watching(sender=Sender(Exporter(Endpoint(collector.url)), collector.url, lambda _: None))
        allowed = replace(CALL, verdict="allow", stub=None, fidelity=None, status=None)
        watching.recorded(allowed, ())
        watching.settled(allowed.id, Upstream(1, 1, 10, 20), 204, 5000, None)
        watching.settled("call_unknown", Upstream(), None, 0, None)
        unended = replace(allowed, id="call_00000000000000ff")
        watching.recorded(unended, ())
        watching.close()
        first, second = collector.spans
        found = values(first.attributes)
        assert (found["http.response.status_code"], found["childproof.upstream.bytes_out"]) == (204, 10)
        assert first.end_time_unix_nano - first.start_time_unix_nano == 5_000_000
        assert second.span_id.hex() == "00000000000000ff"


class TestEndpoint:
    """What a file and the environment say of where telemetry goes."""

    def test_a_file_of_headers_takes_both_spellings_and_empty_lines(self, tmp_path: Path) -> None:
        file = tmp_path / "headers"
        file.write_text("authorization: Bearer a=b\n\nx-key=c:d\n")
        assert read_headers(file) == (("authorization", "Bearer a=b"), ("x-key", "c:d"))

    @pytest.mark.parametrize(
        "content", [b"Bearer secret-value", b"a b=secret-value", b"=secret-value", b"x=\x00secret-value", b"\xff", None,
                    b"x=" + b"secret-value" * 2000],
    )  # fmt: skip
    def test_what_is_no_header_is_told_by_its_line_without_what_it_says(
        self, tmp_path: Path, content: bytes | None
    ) -> None:
        if content is not None:
            (tmp_path / "headers").write_bytes(content)
        values = {"otlp": "http://collector.example:4318", "headers": {"file": "headers"}}
        with pytest.raises(InputError) as refused:
            telemetry(values, tmp_path, {})
        assert str(tmp_path / "headers") in str(refused.value)
        assert "secret" not in str(refused.value)

    def test_everything_that_is_missing_is_told_at_once(self, tmp_path: Path) -> None:
        values = {
            "otlp": "http://c.example",
            "attributes": {"a": {"env": "NOBODY"}, "b": {"file": "nothing"}, "c": "x"},
        }
        with pytest.raises(InputError) as refused:
            telemetry(values, tmp_path, {})
        assert [fault.found.partition(":")[0] for fault in refused.value.faults] == ["attributes.a", "attributes.b"]

    def test_the_environment_wins_and_adds(self, tmp_path: Path) -> None:
        environ = {"CHILDPROOF_OTLP": "http://b.example", "CHILDPROOF_OTLP_ATTRIBUTES": "a=2, c=3"}
        found = telemetry({"otlp": "http://a.example", "attributes": {"a": "1", "b": "1"}}, tmp_path, environ)
        assert found == Endpoint("http://b.example", attributes=(("a", "2"), ("b", "1"), ("c", "3")))
        with pytest.raises(InputError, match="CHILDPROOF_OTLP_ATTRIBUTES holds what is no attribute"):
            telemetry({}, tmp_path, {**environ, "CHILDPROOF_OTLP_ATTRIBUTES": "a"})
        assert telemetry({}, tmp_path, {}) is None

    def test_a_file_that_can_not_be_read_for_a_moment_leaves_the_key_as_it_was(
        self, collector: Collector, tmp_path: Path
    ) -> None:
        file = tmp_path / "headers"
        file.write_text("x-key=first")
        exporter = Exporter(Endpoint(collector.url, headers_file=file))
        for text in (None, "x-key", "x-key=second"):
            exporter.send([])
            exporter.tell([Event("ready", 1)])
            if text is None:
                file.unlink()
            else:
                file.write_text(text)
        exporter.tell([Event("ready", 1)])
        exporter.close()
        keys = [headers["x-key"] for headers in collector.headers]
        assert (keys[0], keys[-2:], set(keys)) == ("first", ["first", "second"], {"first", "second"})
