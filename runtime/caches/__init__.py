"""Caches of decisions and answers: one protocol for every layer, fast tables in process, stores for teams."""
