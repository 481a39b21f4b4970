"""A server's life: addresses bound, probes answered, reloads, the end."""
