"""Whatever a sandbox sends, a stub answers with a status of its own: no exception, no state behind a refusal."""

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from childproof.model import Call, Protocol
from childproof.stubkit.folder.loading import load_stub
from childproof.world.clock import ClockSettings
from childproof.world.store import Store

DATA = Path(__file__).parents[2] / "data"
STUBS = [load_stub(DATA / "stubs" / "acme-crm"), load_stub(DATA / "bare" / "acme-crm")]
KEYS = st.sampled_from(
    ["email", "name", "company", "tags", "address", "metadata", "amount", "status", "id", "expand", "parts"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
PATHS = st.sampled_from(
    [
        "/v2/contacts",
        "/v2/contacts/con_1",
        "/v2/contacts/con_1/deals",
        "/v2/companies",
        "/v2/deals/x/split",
        "/v2/deals/x/win",
        "/v2/webhooks",
    ]
) | st.text(alphabet="/v2contacts{}%:.0\x00é", max_size=20).map("/".__add__)
QUERIES = st.text(alphabet="abcdefilmnoprt[]=&%0123456789._", max_size=40) | st.sampled_from(
    [
        "limit=x",
        "limit=-1",
        "limit=99999999999999999999",
        "after=",
        "after=nobody",
        "expand[]=data.company",
        "expand=a&expand=b",
        "created[gte]=1&created[gte][x]=2",
    ]
)
BODIES = (
    JSON.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=30)
    | st.sampled_from(
        [
            b"[" * 5000,
            b'{"a":' * 500 + b"1" + b"}" * 500,
            b'<?xml version="1.0" encoding="x"?><r/>',
            b'"\\ud800"',
            b'{"email":"\\ud800@x"}',
            b"\xff",
        ]
    )
)
TYPES = st.sampled_from(
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "",
        "application/json; charset=latin-1",
    ]
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"]),
    path=PATHS, query=QUERIES, body=BODIES, media=TYPES, key=st.sampled_from(["", "k"]),
)  # fmt: skip
def test_no_request_raises(method: str, path: str, query: str, body: bytes, media: str, key: str) -> None:
    headers = [("authorization", "Bearer acme_test"), ("content-type", media)] + (
        [("idempotency-key", key)] if key else []
    )
    call = Call(
        Protocol.HTTP, "api.acme.com", 443, scheme="https", method=method, path=path, query=query, headers=tuple(headers), body=body
    )  # fmt: skip
    for stub in STUBS:
        with Store.open(":memory:", wall=lambda: 0) as store:
            world = store.create("main", clock=ClockSettings(1767603600000, "frozen"))
            for _ in range(2):
                with world.transaction() as tx:
                    answer = stub.answer(call, tx)
                assert 200 <= answer.reply.status < 500


def test_a_body_that_nests_too_deep_is_refused() -> None:
    """Deeper than its check goes, not than a parser does."""
    body = b'{"metadata":' + b'{"a":' * 500 + b"1" + b"}" * 501
    headers = (("authorization", "Bearer acme_test"), ("content-type", "application/json"))
    call = Call(Protocol.HTTP, "api.acme.com", 443, scheme="https", method="POST", path="/v2/contacts", headers=headers, body=body)  # fmt: skip
    for stub in STUBS:
        with Store.open(":memory:", wall=lambda: 0) as store:
            world = store.create("main", clock=ClockSettings(1767603600000, "frozen"))
            with world.transaction() as tx:
                assert 400 <= stub.answer(call, tx).reply.status < 500


def test_invented_methods_leave_nothing_behind() -> None:
    stub = STUBS[0]
    with Store.open(":memory:", wall=lambda: 0) as store:
        world = store.create("main", clock=ClockSettings(1767603600000, "frozen"))
        plans, known = len(stub.service._plans), len(stub.service.api._operations)  # type: ignore[union-attr]
        for number in range(50):
            with world.transaction() as tx:
                call = Call(Protocol.HTTP, "api.acme.com", 443, method=f"BREW{number}", path="/v2/contacts")
                assert stub.answer(call, tx).reply.status in {401, 404}
        assert (len(stub.service._plans), len(stub.service.api._operations)) == (plans, known)  # type: ignore[union-attr]
