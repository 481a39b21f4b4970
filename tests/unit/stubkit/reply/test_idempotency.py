"""Same key and same call: the same reply. Same key and another call: the vendor's conflict."""

from tests.unit.stubkit.conftest import Caller


def test_a_repeated_call_gets_the_same_bytes_and_happens_once(acme: Caller) -> None:
    first = acme("POST /v2/companies", {"name": "A"}, idempotency_key="k1")
    assert acme.answer is not None
    kept = acme.answer.reply
    assert acme("POST /v2/companies", {"name": "A"}, idempotency_key="k1") == first
    assert acme.answer.reply.body == kept.body
    assert acme.header("idempotent-replayed") == "true"
    assert acme.header("x-request-id") == dict(kept.headers)["X-Request-Id"]
    assert acme.changes == ()
    assert acme.effects == ()
    assert len(acme("GET /v2/companies")[1]["data"]) == 2  # with the seeded one


def test_the_same_key_for_another_call_is_a_conflict(acme: Caller) -> None:
    acme("POST /v2/companies", {"name": "A"}, idempotency_key="k1")
    status, body = acme("POST /v2/companies", {"name": "B"}, idempotency_key="k1")
    assert (status, body["error"]["code"]) == (409, "idempotency_conflict")
    assert acme("POST /v2/webhooks", {"url": "https://x.example"}, idempotency_key="k1")[0] == 409


def test_a_refused_request_does_not_use_its_key_up(acme: Caller) -> None:
    assert acme("POST /v2/companies", {}, idempotency_key="k1")[0] == 400
    assert acme("POST /v2/companies", {"name": "A"}, idempotency_key="k1")[0] == 201


def test_what_the_operation_itself_refused_is_replayed(acme: Caller) -> None:
    acme("POST /v2/contacts", {"email": "a@b.c"})
    refused = acme("POST /v2/contacts", {"email": "a@b.c"}, idempotency_key="k1")
    assert refused[0] == 409
    _, contacts = acme("GET /v2/contacts")
    acme(f"DELETE /v2/contacts/{contacts['data'][0]['id']}")
    assert acme("POST /v2/contacts", {"email": "a@b.c"}, idempotency_key="k1") == refused


def test_a_fork_carries_the_keys(acme: Caller) -> None:
    first = acme("POST /v2/companies", {"name": "A"}, idempotency_key="k1")
    acme.store.fork("main", "branch")
    acme.world = "branch"
    assert acme("POST /v2/companies", {"name": "A"}, idempotency_key="k1") == first


def test_reading_ignores_the_header(acme: Caller) -> None:
    assert acme("GET /v2/companies", idempotency_key="k1")[0] == 200
    assert acme("POST /v2/companies", {"name": "A"}, idempotency_key="k1")[0] == 201
