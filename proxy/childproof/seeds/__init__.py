"""Worlds from hand-written files: people, services, history; planted whole and checked, or not at all."""

from .file import WorldFile, read_world_file
from .plant import Planted, plant

__all__ = ["Planted", "WorldFile", "plant", "read_world_file"]
