"""Files through the official SDK: uploads at files.stripe.com, contents, links to them."""

import io
from urllib.parse import urlsplit

import pytest
import stripe

from tests.stubs.inprocess import START

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
PDF = b"%PDF-1.4\n" + b"evidence " * 100


def upload(
    client: stripe.StripeClient, data: bytes = PNG, name: str = "logo.png", purpose: str = "business_logo", **more
):
    file = io.BytesIO(data)
    file.name = name
    return client.v1.files.create({"file": file, "purpose": purpose, **more})


def test_a_file_is_what_was_uploaded(client, api) -> None:
    """Name, type by its first bytes, size; an event; in lists by purpose; contents byte by byte."""
    made = upload(client, name="logo.bin")
    assert (made.object, made.filename, made.type, made.size, made.purpose) == (
        "file",
        "logo.bin",
        "png",
        len(PNG),
        "business_logo",
    )
    assert made.expires_at is None
    assert made.url == f"https://files.stripe.com/v1/files/{made.id}/contents"
    assert "file.created" in api.events()
    upload(client, PDF, "letter.pdf", "dispute_evidence")
    assert [one.id for one in client.v1.files.list({"purpose": "business_logo"}).data] == [made.id]
    got = api.call("GET", made.url)
    assert (got.status, got.raw) == (200, PNG)
    assert got.headers["Content-Type"] == "image/png"
    assert got.headers["Content-Disposition"] == 'attachment; filename="logo.bin"'


@pytest.mark.parametrize(
    ("wanted", "status", "part", "told"),
    [
        ("bytes=0-7", 206, PNG[:8], f"bytes 0-7/{len(PNG)}"),
        ("bytes=2000-", 206, PNG[2000:], f"bytes 2000-{len(PNG) - 1}/{len(PNG)}"),
        ("bytes=-5", 206, PNG[-5:], f"bytes {len(PNG) - 5}-{len(PNG) - 1}/{len(PNG)}"),
        ("bytes=99999-", 416, b"", f"bytes */{len(PNG)}"),
        ("bytes=5-2", 200, PNG, None),
        ("lines=1-2", 200, PNG, None),
        ("bytes=0-1,4-5", 200, PNG, None),
    ],
)
def test_parts_of_contents(client, api, wanted, status, part, told) -> None:
    """RFC 9110: one range is a part, an impossible one 416, what can't be read or is several the whole."""
    got = api.call("GET", upload(client).url, Range=wanted)
    assert (got.status, got.raw, got.headers.get("Content-Range")) == (status, part, told)


def test_a_part_only_of_what_is_still_the_same(client, api) -> None:
    """If-Range with the entity tag gives a part, with any other the whole; If-None-Match saves the transfer."""
    url = upload(client).url
    tag = api.call("GET", url).headers["ETag"]
    assert api.call("GET", url, Range="bytes=0-0", If_Range=tag).status == 206
    assert api.call("GET", url, Range="bytes=0-0", If_Range='"other"').status == 200
    assert api.call("GET", url, If_None_Match=tag).status == 304


def test_documents_of_persons_can_not_be_read_back(client, api) -> None:
    made = upload(client, PDF, "id.pdf", "identity_document")
    assert made.url is None
    assert api.call("GET", f"https://files.stripe.com/v1/files/{made.id}/contents").status == 403


@pytest.mark.parametrize(
    ("data", "name", "purpose", "param"),
    [
        (PDF, "logo.pdf", "business_logo", "file"),
        (PNG + bytes(512 * 1024), "logo.png", "business_logo", "file"),
        (PNG, "logo.png", "holiday", "purpose"),
    ],
)
def test_what_a_purpose_does_not_take_is_refused(client, data, name, purpose, param) -> None:
    """Another type of file, too large a file, no purpose of Stripe's."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        upload(client, data, name, purpose)
    assert caught.value.param == param
    assert client.v1.files.list().data == []


def test_a_text_is_no_file(api) -> None:
    """A form without a file, and one whose file is a text."""
    assert (
        api.call("POST", "https://files.stripe.com/v1/files", "purpose=business_logo").body["error"]["param"] == "file"
    )
    refused = api.call("POST", "https://files.stripe.com/v1/files", "purpose=business_logo&file=abc")
    assert (refused.status, refused.body["error"]["param"]) == (400, "file")


def test_a_link_is_for_everybody_until_it_expires(client, api) -> None:
    """Without a key; `now` ends it; afterwards it can't be changed."""
    file = upload(
        client, PDF, "letter.pdf", "dispute_evidence", file_link_data={"create": True, "metadata": {"case": "7"}}
    )
    link = file.links.data[0]
    assert (link.file, link.expired, link.metadata.to_dict()) == (file.id, False, {"case": "7"})
    where = urlsplit(link.url)
    assert where.netloc == "files.stripe.com"
    assert api.call("GET", link.url, key=None).raw == PDF
    ended = client.v1.file_links.update(link.id, {"expires_at": "now"})
    assert ended.expired
    assert api.call("GET", link.url, key=None).status == 404
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.file_links.update(link.id, {"expires_at": ""})
    other = client.v1.file_links.create({"file": file.id})
    assert [one.id for one in client.v1.file_links.list({"file": file.id, "expired": False}).data] == [other.id]
    assert {one.id for one in client.v1.files.retrieve(file.id).links.data} >= {link.id}


def test_a_link_expires_by_the_clock(client, api) -> None:
    """When its time comes, it is marked and closed."""
    link = client.v1.file_links.create({"file": upload(client).id, "expires_at": START // 1000 + 3600})
    assert not link.expired
    api.passes(3601)
    assert client.v1.file_links.retrieve(link.id).expired
    assert api.call("GET", link.url, key=None).status == 404


def contents(world) -> int:
    with world.transaction() as tx:
        return tx.count("_files", "content")


def test_the_same_bytes_are_stored_once(client, api) -> None:
    """However many files have them; a refused upload stores none."""
    upload(client)
    upload(client, name="again.png")
    with pytest.raises(stripe.InvalidRequestError):
        upload(client, PDF)
    assert contents(api.world) == 1


def test_head_says_how_long_the_contents_are(client, api) -> None:
    """RFC 9110, section 9.3.2: what GET would say, without the contents."""
    got = api.call("HEAD", upload(client).url)
    assert (got.status, got.raw, got.headers["Content-Length"]) == (200, b"", str(len(PNG)))
