"""`allow` of a rule: the private ranges that it names, and what else it says of the way out."""

from ipaddress import ip_network
from pathlib import Path

from childproof.model import Protocol, SecretSource, parse_address

from .allow import ANY_CREDENTIAL, NOTHING_SAID, Allow, Secret
from .read_match import read_networks
from .reader import Part
from .rule import Match, Network
from .units import milliseconds, size

# The ranges that are not reached from the whole internet; only within them does a rule need to name addresses.
_PRIVATE = tuple(
    map(
        ip_network,
        [
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "::1/128",
            "100::/64",
            "2001:db8::/32",
            "3fff::/20",
            "fc00::/7",
            "fe80::/10",
            "fec0::/10",
        ],
    )
)
_FRAMING = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "expect", "accept-encoding", "range"}
)
_HTTP_ONLY = ("secrets", "credentials", "reply", "within")


def read_allow(part: Part, match: Match) -> Allow:
    """What `allow` says besides addresses. Relative files are looked for beside the rule file."""
    allow = part.part("allow")
    if allow is None or not allow.value:
        return NOTHING_SAID
    http = match.protocols == (Protocol.HTTP,)
    for key in _HTTP_ONLY:
        if key in allow.value and not http:
            allow.fault(key, f"{key!r} in a rule that is not for http alone", "it only there: nothing else is read")
    credentials = frozenset(str(kind) for _, kind in allow.items("credentials") if isinstance(kind, str))
    if ANY_CREDENTIAL in credentials and len(credentials) > 1:
        allow.fault("credentials", "'any' beside other kinds", "one or the other", "credentials: any")
    reply, within = allow.get("reply"), allow.get("within")
    return Allow(
        secrets=_secrets(allow, match) if http else (),
        credentials=credentials,
        reply=None if reply is None else size(reply),
        within_ms=None if within is None else milliseconds(within),
    )


def named_networks(part: Part, match: Match) -> tuple[str, ...]:
    """What an `allow` names besides public addresses: `addresses`, and of `match` what is private as a whole."""
    allow = part.part("allow")
    named = list(read_networks(allow, "addresses")) if allow is not None else []
    for network in named:
        if not _is_private(network):
            assert allow is not None
            allow.fault(
                "addresses",
                f"the range {network}, which is not within one private range",
                "private ranges such as 10.0.0.0/8: public addresses need no naming",
            )
    named += [network for network in match.networks if _is_private(network)]
    literal = [ip_network(address) for host in match.hosts if (address := parse_address(host)) is not None]
    named += [network for network in literal if _is_private(network)]
    return tuple(dict.fromkeys(map(str, named)))


def _is_private(network: Network) -> bool:
    return any(network.version == private.version and network.subnet_of(private) for private in _PRIVATE)  # type: ignore[arg-type]


def _secrets(allow: Part, match: Match) -> tuple[Secret, ...]:
    """The credentials that are put in. Towards named hosts only: any host would be everybody's."""
    found: list[Secret] = []
    given = allow.get("secrets")
    if not given:
        return ()
    if not match.hosts or "*" in match.hosts:
        allow.fault("secrets", "a secret in a rule for any host", "the hosts that it belongs to, in `match`")
    for number, value in enumerate(given):
        if not isinstance(value, dict):
            continue
        part = Part(allow.report, (*allow.path, "secrets", number), value)
        secret = _secret(part)
        if secret is None:
            continue
        for other in found:
            if secret.header == other.header and (
                secret.placeholder in other.placeholder or other.placeholder in secret.placeholder
            ):
                part.fault("placeholder", f"{secret.placeholder!r} and {other.placeholder!r}", "none within another")
        found.append(secret)
    return tuple(found)


def _secret(part: Part) -> Secret | None:
    placeholder, header, origin = part.get("placeholder"), part.get("header"), part.part("from")
    if placeholder is None or header is None or origin is None:
        return None
    if len(origin.value) != 1:
        part.fault("from", f"{len(origin.value)} sources", "exactly one of env, file and command", "from: {env: TOKEN}")
        return None
    env, file, command = origin.get("env"), origin.get("file"), origin.get("command")
    if env is None and file is None and command is None:
        return None
    if header.lower() in _FRAMING:
        part.fault("header", f"the header {header!r}", "another one: this one is about the connection")
    document = part.report.document
    line, column = document.place((*part.path, "from"))
    return Secret(
        placeholder,
        header.lower(),
        SecretSource(
            env or "",
            str(Path(document.file).absolute().parent / file) if file else "",
            tuple([command] if isinstance(command, str) else command or ()),
        ),
        plain_http=part.get("plain_http") is True,
        place=(document.file, line, column),
    )
