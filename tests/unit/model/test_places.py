"""Where webhooks' URLs lead: inside, elsewhere, or nowhere at all."""

import pytest

from childproof.model.places import Listener, PlaceError, Places

MAPPED = Places({"shop.example": Listener(("127.0.0.1",), 3000), "api.example:8443": Listener(("::1",), 9, tls=True)})


@pytest.mark.parametrize(
    ("url", "addresses", "port", "tls"),
    [
        ("http://localhost:4242/hook", ("127.0.0.1", "::1"), 4242, False),
        ("https://LocalHost/hook", ("127.0.0.1", "::1"), 443, True),
        ("http://app.localhost./", ("127.0.0.1", "::1"), 80, False),
        ("http://127.0.0.9:1/x?y=1", ("127.0.0.9",), 1, False),
        ("http://2130706433:80/", ("127.0.0.1",), 80, False),
        ("http://0x7f.1/", ("127.0.0.1",), 80, False),
        ("http://0.0.0.0:8000/", ("127.0.0.1",), 8000, False),
        ("http://[::1]:8000/", ("::1",), 8000, False),
        ("http://[::]:8000/", ("::1",), 8000, False),
        ("https://shop.example/hook", ("127.0.0.1",), 3000, False),
        ("http://SHOP.example:81/hook", ("127.0.0.1",), 3000, False),
        ("https://api.example:8443/", ("::1",), 9, True),
    ],
)
def test_loopback_and_named_hosts_lead_inside(url: str, addresses: tuple[str, ...], port: int, *, tls: bool) -> None:
    """Whatever the spelling; a named listener speaks plain HTTP unless the configuration says otherwise."""
    assert MAPPED.find(url).inside == Listener(addresses, port, tls)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "http://169.254.169.254/latest",
        "http://[::ffff:10.0.0.1]/",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "https://api.example/",
        "http://notlocalhost/",
    ],
)
def test_all_else_leads_elsewhere_where_rules_judge(url: str) -> None:
    """No name leads inside because it looks like one that does."""
    assert MAPPED.find(url).inside is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook",
        "ftp://localhost/",
        "file:///etc/passwd",
        "gopher://localhost:70/",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://user@localhost/",
        "http://localhost:4242@evil.example/",
        "http://evil.example\\@localhost/",
        "http://localhost/\r\nHost: evil.example",
        "http://localhost/a b",
        "http://localhost/\x00",
        "http://lo\tcalhost/",
        "http://localhost:99999/",
        "http://localhost:0/",
        "http://localhost:80x/",
        "http://[::1/",
        "http://[::1]x:80/",
        "http://a..b/",
        "http://[fe80::1%25lo]/",
        "http://localhost/\u00fc",
        "http://localhost/" + "x" * 5000,
    ],
)
def test_what_is_no_plain_url_leads_nowhere(url: str) -> None:
    """What two parsers could read in two ways isn't sent at all."""
    with pytest.raises(PlaceError):
        MAPPED.find(url)


def test_a_place_has_the_parts_of_its_request() -> None:
    """The Host header is that of the URL, not of the listener."""
    place = MAPPED.find("https://Shop.example:8443/a/b?c=d&e#f")
    assert (place.authority, place.target) == ("shop.example:8443", "/a/b?c=d&e")
    assert (MAPPED.find("http://[::1]").authority, MAPPED.find("http://[::1]").target) == ("[::1]", "/")
