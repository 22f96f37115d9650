"""A read-only web page about what programs, caches, models and the store did."""
