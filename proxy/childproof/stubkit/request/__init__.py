"""A request: its parts brought to the types that the document gives them, checked, and complained about."""
