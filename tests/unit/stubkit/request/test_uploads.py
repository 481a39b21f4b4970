"""Bodies that are no JSON and no plain form: multipart, XML, text, files as a whole."""

import contextlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from childproof.model import BodyError, Call, Protocol
from childproof.stubkit.cases.cases import load_cases, run_case
from childproof.stubkit.context.files import disposition
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.reply.ranges import asked
from childproof.stubkit.request.uploads import MAX_PARTS, read_multipart, texts, uploads
from childproof.stubkit.request.xmlbody import MAX_DEPTH, parse_xml
from childproof.world.store import Store

PART = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'


def call(body: bytes, media: str = "multipart/form-data; boundary=b", **headers: str) -> Call:
    sent = (("Content-Type", media), *((name.replace("_", "-"), value) for name, value in headers.items()))
    return Call(Protocol.HTTP, "api.example", 443, scheme="https", method="POST", path="/", headers=sent, body=body)


def parts(*fields: tuple[bytes, bytes, bytes]) -> Call:
    return call(b"".join(PART % field for field in fields) + b"--b--\r\n")


def test_fields_nest_as_a_forms_do_and_files_are_apart() -> None:
    value, files = read_multipart(
        parts(
            (b"name", b"", "Jörg".encode()),
            (b"links[0][url]", b"", b"x"),
            (b"photo", b'; filename="/home/jo/a.png"\r\nContent-Type: image/png', b"\x89PNG\r\n--\xff--b"),
            (b"meta", b"\r\nContent-Type: application/json", b'{"a": [1]}'),
        )
    )
    assert value == {"name": "Jörg", "links": [{"url": "x"}], "photo": "a.png", "meta": {"a": [1]}}
    assert [(file.field, file.filename, file.content_type, file.data) for file in files] == [
        ("photo", "a.png", "image/png", b"\x89PNG\r\n--\xff--b")
    ]


def test_what_comes_several_times_is_there_several_times() -> None:
    """Texts in their order, without files; of a form of either kind, and of nothing else."""
    sent = parts((b"to", b"", b"a"), (b"file", b'; filename="x"', b"z"), (b"to", b"", b"b"), (b"o:tag", b"", b""))
    assert texts(sent) == (("to", "a"), ("to", "b"), ("o:tag", ""))
    plain = "application/x-www-form-urlencoded"
    assert texts(call(b"to=a&to=b&v:x=%C3%BC", plain)) == (("to", "a"), ("to", "b"), ("v:x", "ü"))
    assert texts(call(b'{"to": "a"}', "application/json")) == ()
    with pytest.raises(BodyError, match="invalid form"):
        texts(call(b"to=%ff", plain))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 2**32))
def test_bytes_come_through_as_they_are(data: bytes, seed: int) -> None:
    """Whatever a file holds, as long as it isn't the boundary itself."""
    boundary = f"boundary{random.Random(seed).getrandbits(64):x}".encode()
    body = b'--%s\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n%s\r\n--%s--\r\n' % (
        boundary,
        data,
        boundary,
    )
    (file,) = uploads(call(body, f"multipart/form-data; boundary={boundary.decode()}"))
    assert file.data == data


@pytest.mark.parametrize(
    "broken",
    [
        call(b"", "multipart/form-data"),
        call(b"no parts at all"),
        call(PART % (b"a", b"", b"1")),  # never closed
        call(b"--b\r\nno header\r\n\r\nx\r\n--b--\r\n"),
        parts((b"a", b"", b"\xff\xfe")),
        parts((b"a", b"", b"x" * (1024 * 1024 + 1))),
        parts((b"a", b"\r\nContent-Type: application/json", b"{")),
        parts(*((b"a", b"", b"1") for _ in range(MAX_PARTS + 1))),
        parts((b"a[b]", b"", b"1"), (b"a", b"", b"1")),
    ],
)
def test_what_does_not_follow_the_format_is_refused(broken: Call) -> None:
    """With an error of ours, never another one."""
    with pytest.raises(BodyError):
        read_multipart(broken)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_readers(body: bytes) -> None:
    """A value or a BodyError."""
    for read in (lambda: read_multipart(call(b"--b" + body)), lambda: parse_xml(b"<a>" + body)):
        with contextlib.suppress(BodyError):
            read()


def test_a_body_may_be_a_file_as_a_whole() -> None:
    (file,) = uploads(call(b"%PDF", "application/pdf", Content_Disposition='attachment; filename="a.pdf"'))
    assert (file.field, file.filename, file.content_type, file.data) == ("", "a.pdf", "application/pdf", b"%PDF")
    assert uploads(call(b"", "application/pdf")) == ()


def test_xml_is_read_as_values() -> None:
    """Children are keys, what comes again is a list, namespaces are left out, attributes have an @."""
    body = b'<r xmlns="u:x"><name>a &amp; b</name><tag>1</tag><x:tag xmlns:x="u:y">2</x:tag><sub id="7"><n/></sub></r>'
    assert parse_xml(body) == {"name": "a & b", "tag": ["1", "2"], "sub": {"@id": "7", "n": ""}}


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>',
        b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>',
        b"<r>",
        b"",
        b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1),
        b"<r>" + b"<a/>" * 10_001 + b"</r>",
        b'<?xml version="1.0" encoding="nobodys"?><r/>',
        b'<?xml version="1.0" encoding="gbk"?><r/>',
        b'<?xml version="1.0" encoding="rot13"?><r/>',
    ],
)
def test_xml_that_could_do_harm_is_refused(body: bytes) -> None:
    """Entities, outside documents, depth, numbers, encodings that none can read."""
    with pytest.raises(BodyError):
        parse_xml(body)


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        (None, 10, "none"),
        ("bytes=0-4", 10, (0, 5)),
        ("bytes=4-", 10, (4, 10)),
        ("bytes=-3", 10, (7, 10)),
        ("bytes=-30", 10, (0, 10)),
        ("bytes=0-99", 10, (0, 10)),
        ("Bytes = 1-1", 10, (1, 2)),
        ("bytes=10-", 10, "outside"),
        ("bytes=-0", 10, "outside"),
        ("bytes=0-", 0, "outside"),
        ("bytes=5-4", 10, "none"),
        ("bytes=-", 10, "none"),
        ("bytes=0-1,3-4", 10, "none"),
        ("items=0-1", 10, "none"),
        ("bytes=" + "9" * 40 + "-", 10, "none"),
    ],
)
def test_ranges(header: str | None, size: int, expected: object) -> None:
    """RFC 9110, section 14.1.2."""
    assert asked(header, size) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.pdf", 'attachment; filename="a.pdf"'),
        ("", "attachment"),
        ("Größe\r\n.pdf", "attachment; filename=\"Gr__e__.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%0D%0A.pdf"),
        ('a"b', "attachment; filename=\"a_b\"; filename*=UTF-8''a%22b"),
    ],
)
def test_names_of_downloads(name: str, expected: str) -> None:
    """RFC 6266: nothing of a name can end the header or the quotes."""
    assert disposition(name, inline=False) == expected


DOCUMENT = """
openapi: 3.1.0
info: {title: Drive, version: "1"}
servers: [{url: https://drive.example}]
paths:
  /documents:
    post:
      requestBody: {required: true, content: {multipart/form-data: {schema: {type: object, required: [file], additionalProperties: false,
        properties: {file: {type: string, format: binary}, title: {type: string, maxLength: 20}, pages: {type: integer}}}}}}
      responses: {"201": {content: {application/json: {schema: {$ref: "#/components/schemas/Document"}}}}}
  /documents/{document}:
    get: {responses: {"200": {content: {application/json: {schema: {$ref: "#/components/schemas/Document"}}}}}}
  /documents/{document}/raw:
    get: {responses: {"200": {content: {application/octet-stream: {schema: {type: string, format: binary}}}}}}
  /notes:
    post:
      requestBody: {content: {text/plain: {schema: {type: string, maxLength: 10}}}}
      responses: {"200": {content: {application/json: {schema: {type: object, properties: {ok: {type: boolean}}}}}}}
components:
  schemas:
    Document:
      type: object
      required: [id, title, bytes]
      properties: {id: {type: string}, title: {type: [string, "null"]}, pages: {type: [integer, "null"]},
                   bytes: {type: integer}, name: {type: [string, "null"]}, mime: {type: [string, "null"]}}
"""
STUB = """
stub: drive
hosts: [drive.example]
openapi: openapi.yaml
auth: none
dialect: {unknown_parameters: refuse}
resources:
  document:
    schema: Document
    path: /documents
    content: {field: file, size: bytes, filename: name, type: mime, max: 20}
operations:
  GET /documents/{document}/raw: {download: document, inline: true}
"""
CASES = """
- case: a document is kept and given back
  calls:
    - POST /documents: {title: Letter, pages: 2}
      files: {file: {name: letter.txt, type: text/plain, text: Dear Sir}}
      reply: {status: 201, body: {title: Letter, pages: 2, bytes: 8, name: letter.txt, mime: text/plain}, save: {document: id}}
    - GET /documents/{document}/raw:
      headers: {Range: bytes=5-}
      reply: {status: 206, body: Sir, headers: {Content-Type: text/plain, Content-Range: bytes 5-7/8}}
- case: what doesn't fit is refused
  calls:
    - POST /documents: {title: Letter}
      reply: {status: 400, body: {error: {param: file}}}
    - POST /documents: {title: Letter, file: no file}
      files: {}
      reply: {status: 400, body: {error: {param: file}}}
    - POST /documents: {title: Letter}
      files: {file: {text: x}, other: {text: y}}
      reply: {status: 400, body: {error: {param: other}}}
    - POST /documents: {pages: two}
      files: {file: {text: x}}
      reply: {status: 400, body: {error: {param: pages}}}
    - POST /documents: {}
      files: {file: {text: more than twenty bytes of text}}
      reply: {status: 413, body: {error: {param: file}}}
    - GET /documents/{document}/raw:
      reply: {status: 404}
"""


@pytest.fixture
def drive(tmp_path: Path) -> Callable[[], Path]:
    folder = tmp_path / "drive"
    (folder / "cases").mkdir(parents=True)
    (folder / "openapi.yaml").write_text(DOCUMENT)
    (folder / "stub.yaml").write_text(STUB)
    (folder / "cases" / "all.yaml").write_text(CASES)
    return lambda: folder


def test_a_stub_declares_uploads_and_downloads(drive: Callable[[], Path]) -> None:
    """Without a line of Python: `content` of a resource, `download` of an operation; cases bring files."""
    folder = drive()
    stub = load_stub(folder)
    for case in load_cases(folder):
        assert [str(failure) for failure in run_case(stub, case).failures] == []


def test_what_is_a_file_to_the_document_is_one_whatever_clients_call_it(
    drive: Callable[[], Path], store: Store
) -> None:
    """Many a client's HTTP library says that every body is a form."""
    folder = drive()
    raw = "/raw:\n    put: {requestBody: {content: {application/octet-stream: {schema: {type: string, format: binary}}}}, "
    answer = 'responses: {"200": {content: {application/json: {schema: {type: object, properties: {size: {type: integer}}}}}}}}'
    (folder / "openapi.yaml").write_text(DOCUMENT.replace("  /notes:", f"  {raw}{answer}\n  /notes:"))
    code = "from childproof.stubkit import Context, operation\n\n\n@operation('PUT /raw')\ndef put(ctx: Context) -> dict:\n"
    (folder / "raw.py").write_text(f"{code}    return {{'size': len(ctx.file().data)}}\n")
    stub = load_stub(folder)
    for media in ("application/x-www-form-urlencoded", "application/json", ""):
        call = Call(
            Protocol.HTTP, "drive.example", 443, method="PUT", path="/raw", headers=(("Content-Type", media),), body=b"\x89PNG=%zz&",
        )  # fmt: skip
        with store.world("main").transaction() as tx:
            reply = stub.answer(call, tx).reply
        assert (reply.status, reply.body) == (200, b'{"size":9}')
