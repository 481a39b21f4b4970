"""Who may ask the control API: the token, all of it; no page in a browser, no other name, nobody out of a sandbox."""

import pytest
from starlette.requests import Request

from childproof.control.auth import ELSEWHERE, Door
from childproof.control.problems import Problem
from childproof.model import Hidden

TOKEN = "0123456789abcdef0123456789abcdef"


def request(*headers: tuple[str, str], elsewhere: bool = False) -> Request:
    """A request with these headers, and a Host of the loopback where they have none."""
    if "host" not in dict(headers):
        headers = (("host", "localhost"), *headers)
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    state = {ELSEWHERE: True} if elsewhere else {}
    return Request({"type": "http", "method": "GET", "path": "/", "headers": encoded, "state": state})


def refused(door: Door, asked: Request) -> str:
    """The word of the refusal, empty where it passes."""
    try:
        door.check(asked)
    except Problem as problem:
        return problem.kind
    return ""


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ([f"Bearer {TOKEN}"], ""),
        ([f"bearer  {TOKEN} \t"], ""),
        ([], "token"),
        (["Bearer"], "token"),
        (["Bearer "], "token"),
        ([TOKEN], "token"),
        ([f"Basic {TOKEN}"], "token"),
        ([f"Bearer\t{TOKEN}"], "token"),
        ([f"Bearer {TOKEN[:-1]}"], "token"),
        ([f"Bearer {TOKEN}0"], "token"),
        ([f"Bearer {TOKEN.upper()}"], "token"),
        ([f"Bearer \xa0{TOKEN}"], "token"),
        ([f"Bearer \xfc{TOKEN}"], "token"),
        ([f"Bearer x, Bearer {TOKEN}"], "token"),
        ([f"Bearer {TOKEN}"] * 2, "token"),
    ],
)
def test_the_token_all_of_it_and_once(sent: list[str], kind: str) -> None:
    """Spaces around it are nothing; all else is another token."""
    headers = [("authorization", value) for value in sent]
    assert refused(Door(Hidden(TOKEN), local=True), request(*headers)) == kind
    assert refused(Door(None, local=True), request(*headers)) == ""


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("localhost", ""),
        ("LOCALHOST:15000", ""),
        ("127.0.0.1", ""),
        ("127.9.9.9:1", ""),
        ("[::1]:15000", ""),
        ("", "host"),
        ("localhost.", "host"),
        ("localhost.evil.example", "host"),
        ("localhost:80@evil.example", "host"),
        ("localhost@evil.example", "host"),
        ("[::1]evil.example", "host"),
        ("[::1", "host"),
        ("::1", "host"),
        ("[127.0.0.1]", "host"),
        ("127.1", "host"),
        ("2130706433", "host"),
        ("0.0.0.0", "host"),
        ("127.0.0.1.evil.example", "host"),
    ],
)
def test_the_loopback_by_its_own_names(host: str, kind: str) -> None:
    """A name on the web that leads here is none of them. Elsewhere any name will do."""
    assert refused(Door(None, local=True), request(("host", host))) == kind
    assert refused(Door(None, local=False), request(("host", host))) == ""


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (("origin", "http://localhost"), "origin"),
        (("origin", "null"), "origin"),
        (("origin", ""), "origin"),
        (("sec-fetch-site", "cross-site"), "origin"),
        (("sec-fetch-site", "same-origin"), "origin"),
        (("sec-fetch-site", "none"), ""),
    ],
)
def test_no_page_asks(header: tuple[str, str], kind: str) -> None:
    """With the token or without, and not even what anybody may ask."""
    bearer = ("authorization", f"Bearer {TOKEN}")
    for door, asked in (
        (Door(None, local=False), request(header)),
        (Door(Hidden(TOKEN), local=False), request(bearer, header)),
    ):
        assert refused(door, asked) == kind
        if kind:
            with pytest.raises(Problem):
                door.check(asked, anybody=True)


def test_who_asks_out_of_another_network_needs_the_token() -> None:
    """A sealed command that finds a socket isn't answered; whether the server lives is told to anybody."""
    assert refused(Door(None, local=False), request(elsewhere=True)) == "elsewhere"
    Door(None, local=False).check(request(elsewhere=True), anybody=True)
    door = Door(Hidden(TOKEN), local=False)
    assert refused(door, request(elsewhere=True)) == "token"
    assert refused(door, request(("authorization", f"Bearer {TOKEN}"), elsewhere=True)) == ""
