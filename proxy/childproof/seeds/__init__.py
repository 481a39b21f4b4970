"""Worlds from hand-written files: people, services, history; planted whole and checked, or not at all."""

from .file import WorldFile, read_world_file, world_name
from .plant import WITHOUT, Planted, Progress, plant

__all__ = ["WITHOUT", "Planted", "Progress", "WorldFile", "plant", "read_world_file", "world_name"]
