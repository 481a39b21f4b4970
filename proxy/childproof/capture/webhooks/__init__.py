"""Webhooks on the wire: to listeners inside a sandbox, and through an allowed call to others. Nothing else is dialled."""

from .deliverer import Connect, Deliverer

__all__ = ["Connect", "Deliverer"]
