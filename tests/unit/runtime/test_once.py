"""Parts that are made when they are first wanted, by whoever wants them first."""

from __future__ import annotations

import threading

from runtime.once import once


class Whole:
    def __init__(self) -> None:
        self.made: list[str] = []
        self.wanted = threading.Event()
        self.begun = threading.Event()

    @once
    def part(self) -> object:
        """Takes until the test lets it go on."""
        self.begun.set()
        assert self.wanted.wait(60)
        self.made.append("part")
        return object()

    @once
    def both(self) -> tuple[object, object]:
        self.made.append("both")
        return self.part, self.part


def test_threads_get_the_same_one() -> None:
    whole, found = Whole(), []
    threads = [threading.Thread(target=lambda: found.append(whole.both)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert whole.begun.wait(60)
    other = Whole()
    other.wanted.set()
    assert other.part is other.part, "another object is not kept waiting"
    whole.wanted.set()
    for thread in threads:
        thread.join(60)
    assert whole.made == ["both", "part"]
    assert len(found) == 4 and len({id(both) for both in found}) == 1


def test_what_fails_is_tried_again() -> None:
    class Failing:
        tried = 0

        @once
        def part(self) -> int:
            self.tried += 1
            return 1 // (self.tried - 1)

    failing = Failing()
    for expected in (0, 1, 1):
        try:
            got = failing.part
        except ZeroDivisionError:
            got = 0
        assert got == expected
    assert failing.tried == 2 and isinstance(Failing.part, once)
