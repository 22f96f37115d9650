"""Models: whatever makes a decision or writes a text, from rules to language models, behind one protocol."""
