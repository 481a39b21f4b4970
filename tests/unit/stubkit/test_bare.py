"""`hosts` and an OpenAPI document alone make a stateful service."""

import pytest

from childproof.stubkit.stub import Stub
from childproof.world.store import Store

from .conftest import Caller


def test_a_created_object_is_there_afterwards(bare: Caller) -> None:
    status, made = bare("POST /v2/contacts", {"email": "jenny@example.com", "tags": ["vip"]})
    assert status == 201
    assert made["email"] == "jenny@example.com"
    assert made["tags"] == ["vip"]
    assert made["object"] == "contact"
    assert made["created"] == 1767603600
    assert made["name"] is None
    assert bare(f"GET /v2/contacts/{made['id']}") == (200, made)


def test_replies_say_generic_for_state_and_synthesized_without(bare: Caller) -> None:
    bare("GET /v2/contacts")
    assert bare.answer is not None
    assert bare.answer.fidelity == "generic"
    assert bare.answer.operation == "GET /v2/contacts"
    bare("GET /v2/forecast?months=3")
    assert bare.answer.fidelity == "synthesized"
    bare("GET /v2/nothing")
    assert (bare.answer.fidelity, bare.answer.operation) == ("gap", None)


def test_updates_change_what_was_given_and_nothing_else(bare: Caller) -> None:
    _, made = bare("POST /v2/contacts", {"email": "jenny@example.com", "name": "Jenny"})
    status, changed = bare(f"PATCH /v2/contacts/{made['id']}", {"name": "Jen"})
    assert status == 200
    assert {key for key in made if made[key] != changed[key]} == {"name", "updated"} - {
        key for key in ("updated",) if made[key] == changed[key]
    }


def test_deleted_objects_are_gone(bare: Caller) -> None:
    _, made = bare("POST /v2/contacts", {"email": "jenny@example.com"})
    assert bare(f"DELETE /v2/contacts/{made['id']}") == (200, {"id": made["id"], "deleted": True})
    assert bare(f"GET /v2/contacts/{made['id']}")[0] == 404
    assert bare("GET /v2/contacts")[1]["data"] == []


def test_a_delete_without_a_reply_schema_is_an_empty_204(bare: Caller) -> None:
    _, made = bare("POST /v2/companies", {"name": "Acme"})
    assert bare(f"DELETE /v2/companies/{made['id']}") == (204, None)


def test_unknown_ids_are_404_in_the_documents_error_shape(bare: Caller) -> None:
    status, body = bare("GET /v2/contacts/nobody")
    assert status == 404
    assert body["error"]["code"] == "not_found"
    assert "nobody" in body["error"]["message"]


def test_lists_page_with_the_documents_parameters(bare: Caller) -> None:
    made = [bare("POST /v2/companies", {"name": f"Company {n}"})[1]["id"] for n in range(5)]
    _, first = bare("GET /v2/companies?limit=2")
    assert [item["id"] for item in first["data"]] == [made[4], made[3]]
    assert first["has_more"] is True
    _, second = bare(f"GET /v2/companies?limit=2&after={made[3]}")
    assert [item["id"] for item in second["data"]] == [made[2], made[1]]
    _, last = bare(f"GET /v2/companies?limit=2&after={made[1]}")
    assert [item["id"] for item in last["data"]] == [made[0]]
    assert last["has_more"] is False


def test_lists_filter_by_the_fields_of_their_items(bare: Caller) -> None:
    _, jenny = bare("POST /v2/contacts", {"email": "jenny@example.com"})
    assert bare(f"GET /v2/contacts?status={jenny['status']}")[1]["data"] == [jenny]
    other = "archived" if jenny["status"] == "active" else "active"
    assert bare(f"GET /v2/contacts?status={other}")[1]["data"] == []
    assert bare(f"GET /v2/contacts?created[gte]={jenny['created']}")[1]["data"] == [jenny]
    assert bare(f"GET /v2/contacts?created[lt]={jenny['created']}")[1]["data"] == []


def test_parents_in_the_path_are_checked_and_kept(bare: Caller) -> None:
    _, jenny = bare("POST /v2/contacts", {"email": "jenny@example.com"})
    _, other = bare("POST /v2/contacts", {"email": "other@example.com"})
    status, deal = bare(f"POST /v2/contacts/{jenny['id']}/deals", {"amount": 5})
    assert (status, deal["contact"]) == (201, jenny["id"])
    assert bare(f"GET /v2/deals/{deal['id']}")[1] == deal
    assert bare(f"GET /v2/contacts/{jenny['id']}/deals")[1]["data"] == [deal]
    assert bare(f"GET /v2/contacts/{other['id']}/deals")[1]["data"] == []
    assert bare("POST /v2/contacts/nobody/deals", {"amount": 5})[0] == 404


@pytest.mark.parametrize(
    ("call", "body", "code"),
    [
        ("POST /v2/contacts", {}, "missing"),
        ("POST /v2/contacts", {"email": 5}, "invalid"),
        ("POST /v2/companies", {"name": "x", "size": 0}, "invalid"),
        ("POST /v2/contacts", b"{broken", "invalid_body"),
        ("GET /v2/forecast", None, "missing"),
        ("GET /v2/forecast?months=soon", None, "invalid"),
        ("GET /v2/contacts?limit=0", None, "invalid"),
    ],
)
def test_wrong_requests_are_refused_and_change_nothing(bare: Caller, call: str, body: object, code: str) -> None:
    status, reply = bare(call, body)
    assert (status, reply["error"]["code"]) == (400, code)
    assert bare.changes == ()


def test_synthesized_replies_follow_the_schema_and_echo_the_request(bare: Caller) -> None:
    status, body = bare("GET /v2/forecast?months=3")
    assert status == 200
    assert isinstance(body["amount"], int)
    assert body["currency"] == "usd"
    assert body["note"] is None


def test_the_same_seed_and_calls_give_the_same_bytes(bare_stub: Stub) -> None:
    def run() -> list[bytes]:
        with Store.open(":memory:", wall=lambda: 1767603600000) as store:
            store.create("main", seed=3)
            caller = Caller(bare_stub, store)
            out = []
            for name, body in (
                ("POST /v2/companies", {"name": "A"}),
                ("GET /v2/companies", None),
                ("GET /v2/forecast?months=1", None),
            ):
                caller(name, body)
                assert caller.answer is not None
                out.append(repr(caller.answer).encode())
            return out

    assert run() == run()


def test_head_is_get_without_a_body(bare: Caller) -> None:
    assert bare("HEAD /v2/contacts") == (200, None)
