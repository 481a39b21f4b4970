"""The control API: worlds, records, rules and sandboxes over HTTP, for harnesses. Never reachable from a sandbox."""
