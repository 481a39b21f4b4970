"""Service models, and what the services need that publish them: actions in fields, dotted forms, XML, signatures, regions."""

import json
import re
from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.model import Call, Protocol
from childproof.stubkit.access.oauth import TOKENS
from childproof.stubkit.document.openapi import load_openapi
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.stub import Stub
from childproof.world.clock import ClockSettings
from childproof.world.store import Store

START = 1767603600000

MODEL = {
    "metadata": {"apiVersion": "1", "endpointPrefix": "notes", "protocol": "query", "serviceFullName": "Notes"},
    "operations": {
        "Keep": {
            "name": "Keep", "http": {"method": "POST", "requestUri": "/"},
            "input": {"shape": "KeepRequest"}, "output": {"shape": "Note", "resultWrapper": "KeepResult"},
        },
        "Forget": {"name": "Forget", "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "ForgetRequest"}},
    },
    "shapes": {
        "KeepRequest": {"type": "structure", "required": ["Title"], "members": {
            "Title": {"shape": "Text"}, "Tags": {"shape": "Texts"}, "Counts": {"shape": "Counts"}, "Author": {"shape": "Person"},
            "Pinned": {"shape": "Flag"}}},
        "ForgetRequest": {"type": "structure", "members": {"Title": {"shape": "Text"}}},
        "Note": {"type": "structure", "members": {
            "Title": {"shape": "Text"}, "Tags": {"shape": "Texts"}, "Counts": {"shape": "Counts"}, "Author": {"shape": "Person"},
            "Pinned": {"shape": "Flag"}, "At": {"shape": "Time"}}},
        "Person": {"type": "structure", "members": {"Name": {"shape": "Text"}, "Mails": {"shape": "Texts"}}},
        "Texts": {"type": "list", "member": {"shape": "Text"}},
        "Counts": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Number"}},
        "Text": {"type": "string", "max": 10}, "Number": {"type": "integer"}, "Flag": {"type": "boolean"}, "Time": {"type": "timestamp"},
    },
}  # fmt: skip
STUB = r"""
stub: notes
hosts: [notes.one.example, notes.two.example]
openapi: service.json
auth: {signed: {scheme: AWS4-HMAC-SHA256, date: X-Amz-Date, keys: seeded}}
dialect:
  forms: dots
  headers: {X-Request-Id: "{counter}"}
  tenants: {host: 'notes\.([a-z]+)\.example', own: one}
  xml: {root: "{operation}Reply", namespace: "urn:notes", item: member, body: {"{operation}Result": "{body}", Meta: {Id: "{request_id}"}}}
  errors:
    format: xml
    root: Failure
    body: {"@kind": "{code}", Message: "{message}"}
    headers: {X-Error: "{code}"}
    paths: {/v2: {body: {message: "{message}"}, headers: {X-Newer-Error: "{code}"}}}
resources: {note: {}}
"""
PYTHON = """
from childproof.stubkit import Context, operation

@operation("POST /#Action=Keep")
def keep(ctx: Context) -> dict:
    note = {name: value for name, value in ctx.body.items() if name not in {"Action", "Version"}}
    ctx.create("note", note["Title"], **note)
    return {**note, "At": "2026-01-05T09:00:00Z"}

@operation("POST /#Action=Forget")
def forget(ctx: Context) -> None:
    ctx.delete(ctx.get("note", ctx.body["Title"]))
"""


@pytest.fixture
def notes(tmp_path: Path) -> Stub:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "service.json").write_text(json.dumps(MODEL))
    (folder / "stub.yaml").write_text(STUB)
    (folder / "notes.py").write_text(PYTHON)
    return load_stub(folder)


@pytest.fixture
def store() -> Store:
    store = Store.open(":memory:", wall=lambda: START)
    store.create("main", clock=ClockSettings(START, "frozen"))
    with store.world("main").transaction() as tx:
        tx.put(TOKENS, "notes", "known", {"token": "known"})
    return store


def ask(stub: Stub, store: Store, form: str = "", *, path: str = "/", query: str = "", host: str = "notes.one.example",
        key: str = "known", **headers: str):  # fmt: skip
    signed = (
        f"AWS4-HMAC-SHA256 Credential={key}/20260105/one/notes/aws4_request, SignedHeaders=host, Signature={'0' * 64}"
    )
    given = {
        "Authorization": signed,
        "X-Amz-Date": "20260105T090000Z",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    if form:
        given["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    call = Call(
        Protocol.HTTP, host, 443, scheme="https", method="POST", path=path, query=query, headers=tuple(given.items()),
        body=form.encode(),
    )  # fmt: skip
    with store.world("main").transaction() as tx:
        answer = stub.answer(call, tx)
    assert not answer.error, answer.error
    return answer


FORM = (
    "Action=Keep&Version=1&Title=a&Tags.member.1=x&Tags.member.2=%3C%26&Author.Name=Jo&Author.Mails=&Pinned=true"
    "&Counts.entry.1.key=k&Counts.entry.1.value=3"
)


def test_a_service_model_is_served_as_it_is(notes: Stub, store: Store) -> None:
    """The form's field names the operation; lists and maps come and go as the schema has them."""
    answer = ask(notes, store, FORM)
    assert answer.operation == "POST /#Action=Keep"
    with store.world("main").transaction() as tx:
        kept = tx.get("notes", "note", "a")
    assert kept == {
        "id": "a", "Title": "a", "Tags": ["x", "<&"], "Author": {"Name": "Jo", "Mails": []}, "Pinned": True, "Counts": {"k": 3},
    }  # fmt: skip
    assert answer.reply.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<KeepReply xmlns="urn:notes"><KeepResult><Title>a</Title><Tags><member>x</member>'
        "<member>&lt;&amp;</member></Tags><Author><Name>Jo</Name><Mails></Mails></Author><Pinned>true</Pinned><Counts><entry><key>k</key>"
        "<value>3</value></entry></Counts><At>2026-01-05T09:00:00Z</At></KeepResult><Meta><Id>1</Id></Meta></KeepReply>"
    )
    assert dict(answer.reply.headers)["Content-Type"] == "text/xml"


def test_xml_replies_are_compared_with_the_document(notes: Stub, store: Store) -> None:
    """A good one fits; one with a text for a number doesn't, with its place."""
    reply = ask(notes, store, FORM).reply
    conformance = notes.service.conformance
    assert conformance.misfits("POST", "/#Action=Keep", 200, reply.headers, reply.body) == []
    wrong = reply.body.replace(b"<value>3</value>", b"<value>three</value>")
    (misfit,) = conformance.misfits("POST", "/#Action=Keep", 200, reply.headers, wrong)
    assert misfit.pointer == "/Counts/k"


@pytest.mark.parametrize(
    "given", [{"query": "Action=Forget&Title=a"}, {"Action": "Forget"}, {"path": "/#Action=Forget"}]
)
def test_a_field_may_stand_in_the_query_or_a_header(notes: Stub, store: Store, given: dict) -> None:
    """Whichever says it: the same operation, whose reply has nothing within."""
    ask(notes, store, FORM)
    answer = ask(notes, store, "Title=a", **given)
    assert answer.operation == "POST /#Action=Forget"
    assert answer.reply.body.endswith(b'<ForgetReply xmlns="urn:notes"><Meta><Id>2</Id></Meta></ForgetReply>')


def test_refusals_are_xml_with_attributes_and_headers(notes: Stub, store: Store) -> None:
    """And below another path they are what is said there."""
    reply = ask(notes, store, "Action=Keep&Title=far+too+long+a+title").reply
    assert b'<Failure kind="invalid">' in reply.body
    assert dict(reply.headers)["X-Error"] == "invalid"
    newer = ask(notes, store, path="/v2/nothing").reply
    assert json.loads(newer.body) == {"message": "There is no POST /v2/nothing."}
    assert dict(newer.headers)["X-Newer-Error"] == "not_found"
    assert ask(notes, store, "Action=Nothing").operation is None
    assert ask(notes, store, f"Action={'x' * 300}").operation is None


def test_forms_that_contradict_themselves_are_refused(notes: Stub, store: Store) -> None:
    """A value and a mapping of one name, and levels without end."""
    for form in ("Author=1&Author.Name=Jo", "Author.Name=Jo&Author=1", f"{'a.' * 60}b=1"):
        reply = ask(notes, store, f"Action=Keep&Title=a&{form}").reply
        assert reply.status == 400
        assert b"invalid form" in reply.body


def test_each_region_has_things_of_its_own(notes: Stub, store: Store) -> None:
    """What the host names is the tenant, and it needs no entity."""
    ask(notes, store, FORM, host="notes.two.example")
    assert ask(notes, store, "Action=Forget&Title=a").reply.status == 404
    assert ask(notes, store, "Action=Forget&Title=a", host="notes.two.example").reply.status == 200


def test_a_signature_is_computed_again_where_the_secret_is_known(notes: Stub, store: Store) -> None:
    """The published example of the scheme (its test suite's `get-vanilla`), and one changed byte."""
    good = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    with store.world("main").transaction() as tx:
        tx.put(
            TOKENS,
            "notes",
            "AKIDEXAMPLE",
            {"token": "AKIDEXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
        )

    def status(signature: str) -> int:
        head = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
        headers = (
            ("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z"),
            ("Authorization", f"{head}, SignedHeaders=host;x-amz-date, Signature={signature}"),
        )  # fmt: skip
        call = Call(Protocol.HTTP, "notes.one.example", 443, scheme="https", method="GET", path="/", headers=headers)
        with store.world("main").transaction() as tx:
            return notes.answer(call, tx).reply.status

    assert status(good) == 404  # who it is is known; there is no such operation
    assert status(good.replace("5", "6", 1)) == 401
    assert status("short") == 401


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("", 401),
        ("Bearer x", 401),
        ("AWS4-HMAC-SHA256 nothing", 401),
        (f"AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature={'0' * 64}", 401),
        (f"AWS4-HMAC-SHA256 Credential=stranger/d/r/s/t, SignedHeaders=host, Signature={'0' * 64}", 401),
    ],
)
def test_requests_that_arent_signed_by_a_known_key_are_refused(
    notes: Stub, store: Store, header: str, status: int
) -> None:
    """Nothing at all, another scheme, half a signature, a stranger's."""
    assert ask(notes, store, FORM, Authorization=header).reply.status == status


def test_a_json_service_is_told_by_its_target_header(tmp_path: Path) -> None:
    """Protocol `json`: the same shapes, numbers for times, an operation by a header."""
    metadata = {**MODEL["metadata"], "protocol": "json", "jsonVersion": "1.0", "targetPrefix": "Notes_1"}
    (tmp_path / "service.json").write_text(json.dumps({**MODEL, "metadata": metadata}))
    api = load_openapi(tmp_path / "service.json")
    operation = api.operation("POST", "/#X-Amz-Target=Notes_1.Keep")
    assert operation is not None
    assert operation.reply_type == "application/json"
    assert api.schema("Note")["properties"]["At"] == {"type": "number"}
    assert api.hosts() == []  # a model doesn't say where its service answers


def test_a_protocol_that_isnt_known_is_refused(tmp_path: Path) -> None:
    """With what it is, and what could be read."""
    (tmp_path / "service.json").write_text(json.dumps({**MODEL, "metadata": {**MODEL["metadata"], "protocol": "ec2"}}))
    with pytest.raises(InputError, match="protocol 'ec2'"):
        load_openapi(tmp_path / "service.json")


def test_a_model_alone_answers_as_such_services_do(tmp_path: Path, store: Store) -> None:
    """Without a word about forms, XML or errors: each operation's own result, invented, and refusals in XML."""
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "service.json").write_text(json.dumps(MODEL))
    (folder / "stub.yaml").write_text("stub: notes\nhosts: [notes.one.example]\nopenapi: service.json\n")
    stub = load_stub(folder)
    reply = ask(stub, store, "Action=Keep&Title=a&Tags.member.1=x").reply
    assert re.match(rb"<\?xml[^>]*>\n<KeepResponse><KeepResult>.*</KeepResult><ResponseMetadata>", reply.body)
    assert stub.service.conformance.misfits("POST", "/#Action=Keep", 200, reply.headers, reply.body) == []
    refused = ask(stub, store, "Action=Keep").reply
    assert b"<ErrorResponse><Error><Type>Sender</Type><Code>missing</Code>" in refused.body


def test_an_invented_list_comes_to_its_end(tmp_path: Path, store: Store) -> None:
    """An empty list that said that it goes on would have clients ask for ever."""
    listing = {
        "name": "List",
        "http": {"method": "POST", "requestUri": "/"},
        "output": {"shape": "Listed", "resultWrapper": "ListResult"},
    }
    listed = {"type": "structure", "members": {"Notes": {"shape": "Texts"}, "NextToken": {"shape": "Text"}}}
    model = {**MODEL, "operations": {"List": listing}, "shapes": {**MODEL["shapes"], "Listed": listed}}
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "service.json").write_text(json.dumps(model))
    (folder / "stub.yaml").write_text("stub: notes\nhosts: [notes.one.example]\nopenapi: service.json\n")
    reply = ask(load_stub(folder), store, "Action=List").reply
    assert b"<ListResult><Notes></Notes></ListResult>" in reply.body
