"""What stub.yaml adds to the inferred: keys, words, references, metadata, uniqueness, lifecycles, expansion."""

from collections.abc import Callable

import pytest

from .conftest import Caller


def make(acme: Caller, **fields: object) -> dict:
    status, body = acme("POST /v2/contacts", {"email": "jenny@example.com", **fields})
    assert status == 201, body
    return body


def test_a_call_without_a_key_is_refused_in_the_services_words(acme: Caller) -> None:
    acme.key = None
    status, body = acme("GET /v2/contacts")
    assert (status, body["error"]["code"], body["error"]["message"]) == (
        401,
        "no_key",
        "Send your key as a bearer token.",
    )


def test_a_key_of_the_wrong_form_is_refused_and_masked(acme: Caller) -> None:
    acme.key = "sk_live_0123456789abcdef"
    status, body = acme("GET /v2/contacts")
    assert (status, body["error"]["code"]) == (401, "bad_key")
    assert "0123456789ab" not in body["error"]["message"]


def test_a_basic_key_does_not_pass_where_bearer_is_asked(acme: Caller) -> None:
    assert acme("GET /v2/contacts", authorization="Basic YWNtZV90ZXN0Og==")[0] == 401


def test_unknown_parameters_are_refused_where_the_dialect_says_so(acme: Caller) -> None:
    status, body = acme("POST /v2/contacts", {"email": "a@b.c", "nick": "J"})
    assert (status, body["error"]["message"], body["error"]["field"]) == (400, "Acme doesn't know nick.", "nick")
    assert acme("GET /v2/contacts?colour=red")[1]["error"]["message"] == "Acme doesn't know colour."


def test_nested_parameters_are_named_in_brackets(acme: Caller) -> None:
    _, body = acme("POST /v2/contacts", {"email": "a@b.c", "address": {"zip": "12345678901"}})
    assert body["error"]["field"] == "address[zip]"


def test_a_gap_is_answered_in_the_services_own_shape_with_its_headers(acme: Caller) -> None:
    status, body = acme("POST /v9/rockets", {})
    assert (status, body["error"]["code"], body["error"]["message"]) == (
        404,
        "no_such_endpoint",
        "Acme has no POST /v9/rockets.",
    )
    assert body["error"]["request"] == acme.header("x-request-id")
    assert acme.header("x-api-version") == "2"
    assert "childproof" not in repr(acme.answer).lower().replace("childproof.model", "")


def test_references_must_exist(acme: Caller) -> None:
    acme("GET /v2/companies")  # the first call plants the seeds
    status, body = acme("POST /v2/contacts", {"email": "a@b.c", "company": "comp_nope"})
    assert (status, body["error"]["field"]) == (404, "company")
    assert acme.changes == ()


def test_unique_fields_are_unique_but_may_stay_as_they_are(acme: Caller) -> None:
    first = make(acme)
    status, body = acme("POST /v2/contacts", {"email": "jenny@example.com"})
    assert (status, body["error"]["code"]) == (409, "not_unique")
    assert acme(f"PATCH /v2/contacts/{first['id']}", {"email": "jenny@example.com", "name": "J"})[0] == 200


def test_metadata_merges_key_by_key_and_empty_values_remove(acme: Caller) -> None:
    jenny = make(acme, metadata={"a": "1", "b": "2"})
    _, changed = acme(f"PATCH /v2/contacts/{jenny['id']}", {"metadata": {"b": "", "c": "3"}})
    assert changed["metadata"] == {"a": "1", "c": "3"}


def test_references_expand_and_what_is_stored_stays(acme: Caller) -> None:
    jenny = make(acme, company="comp_acme")
    _, shown = acme(f"GET /v2/contacts/{jenny['id']}?expand[]=company")
    assert shown["company"]["name"] == "Acme itself"
    assert acme(f"GET /v2/contacts/{jenny['id']}")[1]["company"] == "comp_acme"


def test_references_expand_in_lists_and_through_each_other(acme: Caller) -> None:
    jenny = make(acme, company="comp_acme")
    acme(f"POST /v2/contacts/{jenny['id']}/deals", {"amount": 5})
    _, shown = acme(f"GET /v2/contacts/{jenny['id']}/deals?expand[]=data.contact.company")
    assert shown["data"][0]["contact"]["company"]["id"] == "comp_acme"


@pytest.mark.parametrize("path", ["status", "nothing", "company.size", "a.b.c.d.e"])
def test_what_can_not_be_expanded_is_refused(acme: Caller, path: str) -> None:
    jenny = make(acme, company="comp_acme")
    status, body = acme(f"GET /v2/contacts/{jenny['id']}?expand[]={path}")
    assert (status, body["error"]["field"]) == (400, "expand")


def test_an_illegal_move_is_refused_and_changes_nothing(acme: Caller) -> None:
    jenny = make(acme)
    _, deal = acme(f"POST /v2/contacts/{jenny['id']}/deals", {"amount": 5})
    assert acme(f"POST /v2/deals/{deal['id']}/win")[1]["stage"] == "won"
    status, body = acme(f"POST /v2/deals/{deal['id']}/lose")
    assert (status, body["error"]["code"]) == (409, "invalid_transition")
    assert acme.changes == ()
    assert acme.effects == ()
    assert acme(f"GET /v2/deals/{deal['id']}")[1]["stage"] == "won"


def test_a_create_can_not_choose_its_state(variant: Callable[..., Caller]) -> None:
    acme = variant(stub=[("unknown_parameters: refuse", "unknown_parameters: ignore")])
    jenny = make(acme)
    assert acme(f"POST /v2/contacts/{jenny['id']}/deals", {"amount": 5, "stage": "won"})[1]["stage"] == "open"


def test_softly_deleted_objects_leave_lists_and_tell_that_they_are_gone(acme: Caller) -> None:
    jenny = make(acme)
    gone = {"id": jenny["id"], "deleted": True}
    assert acme(f"DELETE /v2/contacts/{jenny['id']}") == (200, gone)
    assert acme(f"GET /v2/contacts/{jenny['id']}") == (200, gone)
    assert acme("GET /v2/contacts")[1]["data"] == []
    assert acme(f"PATCH /v2/contacts/{jenny['id']}", {"name": "J"})[0] == 404
    assert acme(f"DELETE /v2/contacts/{jenny['id']}")[0] == 404


def test_seeds_are_there_on_the_first_call_and_only_once(acme: Caller) -> None:
    _, companies = acme("GET /v2/companies")
    assert [company["name"] for company in companies["data"]] == ["Acme itself"]
    assert acme("DELETE /v2/companies/comp_acme")[0] == 204
    assert acme("GET /v2/companies")[1]["data"] == []


def test_seeds_tell_no_events(acme: Caller) -> None:
    acme("GET /v2/companies")
    assert acme.effects == ()


@pytest.mark.parametrize("value", ["true", "1"])
def test_json_bodies_are_not_coerced(acme: Caller, value: str) -> None:
    assert acme("POST /v2/contacts", {"email": "a@b.c", "subscribed": value})[0] == 400


def test_forms_are_coerced_to_the_schemas_types(variant: Callable[..., Caller]) -> None:
    acme = variant(stub=[("body: json", "body: form")])
    form = "email=a%40b.c&subscribed=true&score=4.5&tags[]=x&tags[]=y&address[city]=Bonn&metadata[k]=1"
    status, made = acme("POST /v2/contacts", form=form)
    assert status == 201
    assert (made["subscribed"], made["score"], made["tags"]) == (True, 4.5, ["x", "y"])
    assert (made["address"], made["metadata"]) == ({"city": "Bonn"}, {"k": "1"})


def test_headers_and_times_come_from_the_world(acme: Caller) -> None:
    acme("GET /v2/contacts")
    assert acme.header("date") == "Mon, 05 Jan 2026 09:00:00 GMT"


def test_a_stub_without_an_owner_of_a_path_never_raises_for_odd_paths(acme: Caller) -> None:
    for path in ("/", "//", "/v2/contacts/", "/v2/contacts/%00", "/v2/contacts/a%2Fb", "/v2/%zz"):
        assert acme(f"GET {path}")[0] in {404, 200}
