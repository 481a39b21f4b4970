"""Webhooks to a loopback that the sandbox shares with childproof reach none of childproof's own ports."""

import asyncio
import socket
from pathlib import Path

import pytest

from childproof.run.compose import compose
from childproof.run.config.config import Config, Webhooks
from childproof.run.webhooks import own_loopback


def test_no_port_of_our_own_is_reached(tmp_path: Path) -> None:
    """Neither the proxies' nor that of metrics; any other is."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\nrules: []\n")
    with socket.create_server(("127.0.0.1", 0)) as metrics, socket.create_server(("127.0.0.1", 0)) as other:
        place, free = metrics.getsockname(), other.getsockname()[1]
        config = Config(
            tmp_path,
            rules=(rules,),
            store=":memory:",
            metrics=f"127.0.0.1:{place[1]}",
            webhooks=Webhooks(loopback=True),
        )
        parts = compose(config, worlds=("main",))
        try:
            connect = own_loopback(parts, {8080})
            assert connect is not None
            for port in (8080, place[1]):
                with pytest.raises(ConnectionRefusedError, match="childproof itself"):
                    asyncio.run(connect("127.0.0.1", port))
            asyncio.run(connect("127.0.0.1", free)).close()
        finally:
            parts.close()
