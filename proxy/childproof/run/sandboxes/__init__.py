"""Many sandboxes on one process, made over the control API or handed over sealed."""
