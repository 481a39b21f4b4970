"""A long run with everything at once: many protocols, bad clients, floods, and a kill in the middle."""
