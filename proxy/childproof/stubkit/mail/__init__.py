"""Messages that stubs send, and the templates that they are made of."""
