"""How calls get in: one side per protocol, each turning bytes into calls and outcomes into bytes."""
