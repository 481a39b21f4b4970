"""The composition root: the one place that puts parts together, for a server, a sealed command, and mitmproxy's own programs."""
