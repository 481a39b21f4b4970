"""SMTP answered by us through aiosmtpd, whatever way the connection came: each message is one call."""

from .bridge import Bridge
from .factory import SMTP_PORTS, smtp_protocol_factory

__all__ = ["SMTP_PORTS", "Bridge", "smtp_protocol_factory"]
