"""Meaning of names and types."""
