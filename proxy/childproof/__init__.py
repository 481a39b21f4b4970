"""childproof: the child-proof egress layer for AI-agent sandboxes."""

__version__ = "0.1.0"
