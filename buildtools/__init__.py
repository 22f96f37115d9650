"""What `setup.py` runs: generated sources, the runtime library `rt`, parse tables, the standard library."""
