"""The escape matrix: what a layer that nothing escapes from has to survive, in 32 lines, each in its parts.

A part is the smallest thing that an attempt can show on its own. Its number is the line's with a letter.
"""

AREAS = {"Routing": range(1, 11), "DNS": range(11, 15), "Parsing": range(15, 22), "Protocol": range(22, 27), "Meaning": range(27, 33)}  # fmt: skip

LINES: dict[int, dict[str, str]] = {
    1: {
        "a": "curl with `--noproxy '*'`",
        "b": "a client that has no proxy variables",
        "c": "a raw socket",
        "d": "data in the first packet (TCP Fast Open)",
        "e": "Multipath TCP",
        "f": "a socket bound to a device, marked, or with a route of its own in its packets",
        "g": "a forged sender, whose replies would leave",
    },
    2: {
        "a": "an address instead of a name, TLS without SNI",
        "b": "an address, TLS with the SNI of a host that is let through",
        "c": "an IPv4 address in decimal",
        "d": "in hexadecimal",
        "e": "in octal",
        "f": "IPv4-mapped, `[::ffff:1.2.3.4]`",
        "g": "through NAT64",
        "h": "through 6to4",
    },
    3: {
        "a": "a global IPv6 address",
        "b": "a link-local address with a zone id",
        "c": "the proxy's own ports, by `::1` and every other address",
        "d": "a listener of one's own beside the proxy's",
    },
    4: {
        letter: f"TCP port {port}"
        for letter, port in zip(
            "abcdefghij", (22, 25, 465, 587, 853, 3306, 5432, 6379, 8443, "47123, any high one"), strict=True
        )
    },
    5: {
        "a": "QUIC, UDP port 443: refused at once, so that clients fall back to TCP",
        "b": "other UDP",
        "c": "ICMP",
        "d": "SCTP, DCCP, UDP-Lite",
        "e": "packet sockets (AF_PACKET)",
        "f": "raw sockets",
        "g": "socket families that pass by a network namespace (vsock, XDP, RDS, TIPC, …)",
        "h": "what the kernel says for a process: multicast memberships, neighbours' addresses",
    },
    6: {
        "a": "cloud metadata, 169.254.169.254",
        "b": "cloud metadata over IPv6, fd00:ec2::254",
        "c": "private addresses (RFC 1918)",
        "d": "shared addresses (CGNAT)",
        "e": "the host's gateway",
        "f": "the host's own address",
        "g": "a sibling sandbox",
        "h": "an allowed name that leads to one of those",
        "i": "answers to whoever connects from outside",
    },
    7: {
        "a": "the control interface: the record and the worlds",
        "b": "the approval interface: rules, stubs and configuration",
        "c": "childproof's own code",
        "d": "the CA's private key",
        "e": "the first process of the sandbox: its files, its memory, its end",
        "f": "the proxy's process, and memory that it shares",
        "g": "what the proxy publishes: to change, or with more in it than a certificate",
        "h": "the control API: its socket, its port, its token",
    },
    8: {
        "a": "`nft flush ruleset`",
        "b": "`ip route add`, `ip link add`",
        "c": "`unshare -rn`: a network namespace of one's own",
        "d": "entering another process's network namespace",
        "e": "sockets of container engines, by path",
        "f": "other path-based AF_UNIX sockets",
        "g": "abstract AF_UNIX sockets",
        "h": "becoming the user who may leave",
        "i": "the kernel's settings (`/proc/sys`)",
    },
    9: {
        "a": "the proxy killed",
        "b": "the proxy stopped",
        "c": "the proxy starting, or not starting at all",
        "d": "the proxy reloading good and broken rules",
        "e": "the proxy out of memory",
        "f": "the proxy out of file descriptors",
        "g": "the proxy's disk full",
        "h": "the step that sets the fence up fails",
        "i": "the proxy's port taken by somebody else while it is down",
        "j": "the proxy ended in good order",
    },
    10: {
        "a": "CONNECT to the proxy itself, by every address it has",
        "b": "CONNECT to a control port",
        "c": "CONNECT to loopback",
    },
    11: {
        "a": "data in labels",
        "b": "a direct resolver",
        "c": "DNS over TCP",
        "d": "DNS over TLS",
        "e": "DNS over QUIC",
        "f": "DNS over HTTPS, to a host that is allowed for something else",
        "g": "DNS over HTTPS, to an unknown host and to an address",
    },
    12: {
        "a": "TXT queries",
        "b": "NULL, ANY and AXFR queries",
        "c": "SVCB and HTTPS queries",
        "d": "a ClientHello with ECH",
    },
    13: {
        "a": "a denied name is not resolved upstream",
        "b": "a stubbed name is not resolved upstream",
        "c": "an allowed host's name is not resolved for a call that is denied",
    },
    14: {
        "a": "rebinding: a public answer, then a private one",
        "b": "a public and a private address in one answer",
        "c": "the address that was checked is the address that is dialled",
    },
    15: {
        "a": "NUL in a host",
        "b": "CR and LF in a host",
        "c": "a trailing dot",
        "d": "mixed case",
        "e": "international names and false punycode",
        "f": "`user@host`",
        "g": "a backslash in a host",
        "h": "more than 255 characters",
    },
    16: {
        "a": "target and SNI disagree",
        "b": "target and Host disagree",
        "c": "target and absolute URI disagree",
        "d": "SNI and Host disagree",
        "e": "SNI and absolute URI disagree",
        "f": "Host and absolute URI disagree",
        "g": "target, SNI or Host and `:authority` (HTTP/2) disagree",
    },
    17: {"a": "Host names an allowed host, the address is somebody else's"},
    18: {
        "a": "Content-Length and Transfer-Encoding together, in both orders",
        "b": "Transfer-Encoding twice, misspelt or unknown",
        "c": "two Host headers",
        "d": "another host on a kept-alive connection",
        "e": "HTTP/2 coalescing: another authority on one connection",
        "f": "headers folded, with odd spaces, or none at all",
    },
    19: {
        "a": "`%2f` in a path",
        "b": "`..` in a path, plain and encoded",
        "c": "doubled slashes, `;` and `\\`",
        "d": "`X-HTTP-Method-Override`",
        "e": "a GraphQL mutation over GET",
        "f": "batch endpoints",
    },
    20: {
        "a": "a tunnel in a tunnel",
        "b": "CONNECT to port 22",
        "c": "bytes in a tunnel that are no TLS",
        "d": "TLS with an unknown ALPN",
        "e": "an empty tunnel, and a connection that says nothing",
        "f": "SOCKS 4, logins, BIND and UDP",
    },
    21: {
        "a": "a gzip or deflate body under a condition",
        "b": "a br body under a condition",
        "c": "a zip bomb",
        "d": "a body past the limit",
        "e": "a JSON key twice under a condition",
    },
    22: {
        "a": "WebSocket",
        "b": "h2c, by upgrade and by prior knowledge",
        "c": "gRPC",
        "d": "server-sent events",
        "e": "`Expect: 100-continue`",
        "f": "trailers",
    },
    23: {
        "a": "SMTP",
        "b": "SMTP with implicit TLS",
        "c": "SMTP with STARTTLS",
        "d": "commands pipelined after STARTTLS",
    },
    24: {"a": "a redirect from an allowed to a denied host", "b": "Alt-Svc to HTTP/3"},
    25: {"a": "a client with a pinned certificate", "b": "mutual TLS"},
    26: {"a": "a client that ignores our CA (`-k`)", "b": "a client with a bundle of its own"},
    27: {"a": "an allowed host with somebody else's credential"},
    28: {
        "a": "a push to a foreign repository",
        "b": "a gist",
        "c": "a presigned URL",
        "d": "publishing a package",
        "e": "a webhook URL inside a stub's field",
    },
    29: {
        "a": "a canary split across requests",
        "b": "a canary in headers",
        "c": "a canary in a file's name",
        "d": "a canary in base64",
        "e": "a canary to a host that is allowed",
    },
    30: {"a": "N parallel calls against a limit of N-1", "b": "the same from two processes"},
    31: {
        "a": "the state of another sandbox's world",
        "b": "a real secret in the record",
        "c": "a real secret in an answer",
    },
    32: {"a": "a hook that raises", "b": "a stub that raises", "c": "another mitmproxy addon that raises"},
}

PARTS: dict[str, str] = {f"{line}{letter}": text for line, parts in LINES.items() for letter, text in parts.items()}


def line_of(part: str) -> int:
    """The line that a part belongs to: 11 of `11f`."""
    return int(part[:-1])
