"""llama.cpp in a process of its own, so that a crash there is an error here."""
