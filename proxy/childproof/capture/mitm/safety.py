"""The options of mitmproxy that would walk around the gates: refused at start and whenever they change."""

from collections.abc import Callable, Mapping
from typing import Any

from childproof.errors import Fault, InputError

# option -> (is this value safe, the safe value as one would write it, why)
_RULES: Mapping[str, tuple[Callable[[Any], bool], str, str]] = {
    "connection_strategy": (lambda value: value == "lazy", "lazy", "eager dials before a call is judged"),
    "stream_large_bodies": (lambda value: value is None, "unset", "streaming dials before the request is judged"),
    "ignore_hosts": (lambda value: not value, "unset", "ignored hosts pass uninspected"),
    "allow_hosts": (lambda value: not value, "unset", "other hosts would pass uninspected"),
    "tcp_hosts": (lambda value: not value, "unset", "these hosts pass as raw TCP"),
    "udp_hosts": (lambda value: not value, "unset", "these hosts pass as raw UDP"),
    "ssl_insecure": (lambda value: value is False, "false", "upstream servers would not be verified"),
    "validate_inbound_headers": (lambda value: value is True, "true", "malformed requests would be passed on"),
    "rawtcp": (lambda value: value is False, "false", "connections could switch to raw TCP"),
    "client_replay": (lambda value: not value, "unset", "replayed requests are not judged"),
    "client_certs": (lambda value: not value, "unset", "our certificate would be shown to upstream servers"),
    "proxyauth": (lambda value: not value, "unset", "proxy authentication is not enforced by childproof"),
    "mode": (
        lambda value: all(mode.partition("@")[0] in ("regular", "socks5", "transparent") for mode in value),
        "regular, socks5 or transparent",
        "connections of other modes are not guarded",
    ),
}
# what we set ourselves where somebody else starts mitmproxy; everything else must be safe already
SAFE_DEFAULTS: Mapping[str, Any] = {
    "connection_strategy": "lazy",
    "rawtcp": False,
    "websocket": False,
    "upstream_cert": False,
}


def unsafe_options(options: Any) -> list[Fault]:
    """Every option whose value is unsafe. Options that this mitmproxy doesn't have are no fault."""
    faults = []
    for name, (safe, wanted, why) in _RULES.items():
        if name not in options:
            continue
        value = getattr(options, name)
        if not safe(value):
            faults.append(
                Fault(f"mitmproxy option {name}", 0, 0, f"{value!r}: {why}", wanted, f"--set {name}={wanted}")
            )
    return faults


def require_safe(options: Any) -> None:
    """Raise InputError with all faults unless every option is safe."""
    faults = unsafe_options(options)
    if faults:
        raise InputError(faults)
