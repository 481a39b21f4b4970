"""From childproof.yaml, the environment and flags to settings: addresses, secrets, where each value came from."""
