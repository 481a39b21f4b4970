"""The name in a ClientHello that has not been taken yet: read by the same parser that reads it afterwards."""

from mitmproxy.proxy.layers.tls import parse_client_hello

from .hooks import raw_sni


def name_in_hello(data: bytes) -> str | None:
    """The SNI of the ClientHello at the beginning of `data`, "" where it has none; None where it isn't whole yet.

    Raises ValueError for what is no ClientHello.
    """
    try:
        hello = parse_client_hello(data)
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001 (a parser of hostile bytes: whatever it is, this is none)
        raise ValueError(type(error).__name__) from None
    return None if hello is None else raw_sni(hello) or ""
