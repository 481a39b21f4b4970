"""Surfaces and stubs made of documents: derived, drafted, tried out, measured, compared."""
