"""Examples as data: calls, and what has to come of them."""
