"""What behaviour is handed: state, clock, ids, randomness, files, and ways to tell others."""
