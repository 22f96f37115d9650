"""Parts that are made when they are first wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")
_LOCK = "_lock_of_parts"


class once(Generic[T]):
    """A cached property that is made once, though several threads want it at the same time. Parts of one
    object may want each other; other objects do not wait. ``functools.cached_property`` makes all objects of
    a class wait in Python 3.11, and makes a part twice in later ones."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make, self.__doc__ = make, make.__doc__

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> once[T]: ...

    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...

    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> once[T] | T:
        if instance is None:
            return self
        kept = instance.__dict__
        with kept.setdefault(_LOCK, threading.RLock()):
            if self._name not in kept:
                kept[self._name] = self._make(instance)
            found: T = kept[self._name]
            return found
