"""OpenAPI documents, old and new, and service models: read as bytes, brought to one shape, indexed by path."""
