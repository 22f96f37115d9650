"""Durable tickets: work that is asked for now, done by whoever has time, and has exactly one result."""
