"""What a client has already is told by an ETag."""

import pytest

from .conftest import Api


@pytest.mark.parametrize("path", ["/rules", "/openapi.json", "/stubs/email/coverage"])
def test_what_the_client_has_already_is_not_sent_again(api: Api, path: str) -> None:
    """With its ETag as If-None-Match, weak or strong, among others."""
    first = api.ask("GET", path)
    assert first.status == 200
    tag = first.headers["etag"]
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = api.ask("GET", path, headers={"if-none-match": given})
        assert (again.status, again.content, again.headers["etag"]) == (304, b"", tag), given
    assert api.ask("GET", path, headers={"if-none-match": '"other"'}).content == first.content
