"""Modules of a program: found, compiled one by one, kept while they do not change."""
