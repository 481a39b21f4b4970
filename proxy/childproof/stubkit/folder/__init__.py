"""A stub's folder: loaded, its functions found, everything in it checked before it answers."""
