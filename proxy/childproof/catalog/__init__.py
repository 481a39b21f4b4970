"""Finds and loads stubs: shipped, installed (entry points) and in folders. Never imports one by name."""

from .catalog import Catalog, load_catalog

__all__ = ["Catalog", "load_catalog"]
