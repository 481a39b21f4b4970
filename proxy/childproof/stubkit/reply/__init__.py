"""A reply: rendered, paged, expanded, worded as the service words it, held to the document."""
