"""HTTP(S): the one package that knows mitmproxy.

Embedding mitmproxy means closing it first, because its hooks fail open. How that is done, outermost first:

- `front` speaks CONNECT and SOCKS5 itself, so that a connection's destination is known before mitmproxy sees it.
- `answer` serves hosts that no rule may allow: it holds no code that could reach upstream.
- `stream` gates the one place where mitmproxy's HTTP layer acquires an upstream connection.
- `handler` gates the one place where it opens a socket, and runs hooks so that an exception denies.
- `safety` refuses options that would walk around any of this.
"""
