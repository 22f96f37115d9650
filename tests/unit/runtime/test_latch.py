"""A latch that signal handlers may set."""

from __future__ import annotations

import signal
import threading

from runtime.latch import Latch


def test_it_stays_set() -> None:
    latch = Latch()
    assert not latch.is_set() and not latch.wait(0.001)
    latch.set()
    assert latch.is_set() and latch.wait() and latch.wait(0) and latch.is_set()


def test_signals_in_a_row_set_it_while_the_main_thread_waits() -> None:
    """With an event the second handler could wait for the first one, which it has interrupted."""
    me = threading.main_thread().ident
    assert me is not None
    for _ in range(100):
        latch = Latch()
        before = signal.signal(signal.SIGUSR1, lambda *_, latch=latch: latch.set())
        try:
            senders = [threading.Thread(target=signal.pthread_kill, args=(me, signal.SIGUSR1)) for _ in "abc"]
            for sender in senders:
                sender.start()
            assert latch.wait(60)
            for sender in senders:
                sender.join()
        finally:
            signal.signal(signal.SIGUSR1, before)
