"""Files by slack_sdk: uploaded in three steps, shared, listed, downloaded and deleted."""

from typing import Any

import pytest

from .conftest import BOT, Api, InProcess, error


class Uploading(InProcess):
    """The client with its upload of bytes led to the stub as well: the SDK has another way for these."""

    def _upload_file(self, *, url: str, data: bytes, **_: Any) -> Any:
        reply = self.api.send("POST", url, {"Content-Type": "application/x-www-form-urlencoded"}, data)

        class Result:
            status, body = reply.status, reply.body.decode()

        return Result()


@pytest.fixture
def client(api: Api) -> Uploading:
    return Uploading(api, BOT)


@pytest.fixture
def general(client: Uploading) -> str:
    return next(one["id"] for one in client.conversations_list()["channels"] if one["name"] == "general")


def test_the_v2_upload_shares_files_with_one_message(api: Api, client: Uploading, general: str) -> None:
    uploads = [
        {"content": "a,b\n1,2", "filename": "q3.csv", "title": "Q3"},
        {"file": b"\x89PNG..", "filename": "cat.png"},
    ]
    done = client.files_upload_v2(file_uploads=uploads, channel=general, initial_comment="Here & now")
    assert [file["title"] for file in done["files"]] == ["Q3", "cat.png"]
    [message] = [one for one in client.conversations_history(channel=general)["messages"] if one.get("files")]
    assert (message["text"], [file["name"] for file in message["files"]]) == ("Here &amp; now", ["q3.csv", "cat.png"])
    table = client.files_info(file=done["files"][0]["id"])
    assert table["content"] == "a,b\n1,2"
    assert table["file"]["shares"]["public"][general][0]["ts"] == message["ts"]
    assert (table["file"]["mode"], table["file"]["filetype"], table["file"]["is_public"]) == ("snippet", "csv", True)
    assert [one["file_id"] for one in api.told("file_shared")] == [file["id"] for file in done["files"]]
    assert len(api.told("uploaded")) == 2
    assert api.told("posted") == []  # it is told once


def test_what_is_private_has_no_message_and_is_its_owners(api: Api, client: Uploading, user: InProcess) -> None:
    done = client.files_upload_v2(content="secret", filename="notes.txt")
    wanted = done["file"]["id"]
    assert client.files_info(file=wanted)["file"]["channels"] == []
    assert error(user.files_info, file=wanted) == "file_not_found"
    assert user.files_list()["files"] == []
    assert [file["id"] for file in client.files_list(types="snippets")["files"]] == [wanted]
    assert client.files_list(types="images")["paging"]["total"] == 0


def test_bytes_come_back_to_who_has_a_token(api: Api, client: Uploading, general: str) -> None:
    data = bytes(range(256)) * 4
    file = client.files_upload_v2(file=data, filename="all bytes.bin", channel=general)["file"]
    whole = client.files_info(file=file["id"])["file"]
    asked = {"Authorization": f"Bearer {BOT}"}
    assert api.send("GET", whole["url_private"], asked, b"").body == data
    part = api.send("GET", whole["url_private_download"], {**asked, "Range": "bytes=1-3"}, b"")
    assert (part.status, part.body) == (206, b"\x01\x02\x03")
    assert "attachment" in dict(part.headers)["Content-Disposition"]
    stranger = api.send("GET", whole["url_private"], {}, b"")
    assert (stranger.status, "slack.com" in dict(stranger.headers)["Location"]) == (302, True)


def test_form_uploads_are_taken_as_well(api: Api, client: Uploading) -> None:
    begun = client.files_getUploadURLExternal(filename="a.txt", length=5)
    body = b'--x\r\nContent-Disposition: form-data; name="filename"; filename="a.txt"\r\n\r\nhello\r\n--x--\r\n'
    sent = api.send("POST", begun["upload_url"], {"Content-Type": "multipart/form-data; boundary=x"}, body)
    assert (sent.status, sent.body) == (200, b"OK - 5")
    assert client.files_completeUploadExternal(files=[{"id": begun["file_id"]}])["files"][0]["name"] == "a.txt"
    assert error(client.files_completeUploadExternal, files=[{"id": begun["file_id"]}]) == "file_not_found"


def test_what_slack_refuses_is_refused_and_leaves_nothing(api: Api, client: Uploading, general: str) -> None:
    ask = client.files_getUploadURLExternal
    assert error(ask, filename="a", length=0) == "missing_argument"
    assert error(ask, filename="a", length=1 << 31) == "file_upload_size_restricted"
    assert error(ask, filename="a", length=1 << 21, snippet_type="python") == "snippet_too_large"
    assert error(ask, filename="a", length=1, alt_txt="x" * 1001) == "alt_txt_too_large"
    begun = ask(filename="a.bin", length=3)
    complete = client.files_completeUploadExternal
    assert error(complete, files=[{"id": begun["file_id"]}], channel_id=general) == "file_update_failed"
    assert api.send("POST", begun["upload_url"], {}, b"four").status == 400
    assert api.send("POST", begun["upload_url"] + "x", {}, b"abc").status == 404
    assert api.send("POST", begun["upload_url"], {}, b"abc").status == 200
    assert error(complete, files=[{"id": begun["file_id"]}], channel_id="C0NOWHERE") == "channel_not_found"
    assert error(complete, files=[]) == "invalid_arguments"
    assert client.files_list()["files"] == []
    assert complete(files=[{"id": begun["file_id"]}], channel_id=general)["files"][0]["id"] == begun["file_id"]
    assert error(client.api_call, "files.upload", params={"content": "x", "channels": general}) == "method_deprecated"


def test_a_deleted_file_leaves_its_place_in_messages(client: Uploading, user: InProcess, general: str) -> None:
    file = client.files_upload_v2(content="x", filename="a.txt", channel=general)["file"]
    public = client.files_sharedPublicURL(file=file["id"])["file"]
    assert public["public_url_shared"]
    assert error(client.files_sharedPublicURL, file=file["id"]) == "already_public"
    assert not client.files_revokePublicURL(file=file["id"])["file"]["public_url_shared"]
    assert user.files_info(file=file["id"])["file"]["id"] == file["id"]
    assert client.files_delete(file=file["id"])["ok"]
    [message] = [one for one in client.conversations_history(channel=general)["messages"] if one.get("files")]
    assert message["files"] == [{"id": file["id"], "mode": "tombstone"}]
    assert error(client.files_info, file=file["id"]) == "file_not_found"
    assert error(client.files_delete, file=file["id"]) == "file_not_found"
