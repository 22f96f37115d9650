"""Several binary modules to one: reading, renumbering, writing."""
