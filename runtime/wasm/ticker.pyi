# The thread has no Python interface.
