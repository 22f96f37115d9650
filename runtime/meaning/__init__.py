"""What a task description means, as far as a machine may rely on it: embeddings rank, a gate decides."""
