"""Replies that go on: parts and pauses, WebSockets, procedures of gRPC."""
