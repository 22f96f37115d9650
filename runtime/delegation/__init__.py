"""Where a call runs: here, in a stored module, or at a model; decided outside the engines, and explained."""
