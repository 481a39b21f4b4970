"""Described by its first module."""
