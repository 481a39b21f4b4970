"""SMTP answered by us through aiosmtpd, whatever way the connection came: each message is one call."""

from .factory import SMTP_PORTS, smtp_protocol_factory

__all__ = ["SMTP_PORTS", "smtp_protocol_factory"]
