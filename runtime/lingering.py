"""Closing a connection so that what was said last arrives."""

from __future__ import annotations

import time
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

_MOST_S = 2.0
_MOST_BYTES = 64 << 20


def close_gently(connection: socket.socket) -> None:
    """Says that nothing more comes, reads past what the other side still sends, for a moment, and closes.

    A socket that is closed with something unread in it resets the connection: who is still sending a request
    that was refused in the middle then hears of a broken pipe, and not why.
    """
    import socket

    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        end, left = time.monotonic() + _MOST_S, _MOST_BYTES
        while left > 0 and (seconds := end - time.monotonic()) > 0:
            connection.settimeout(seconds)
            piece = connection.recv(1 << 16)
            if not piece:
                break
            left -= len(piece)
    connection.close()


class GentleServer(ThreadingHTTPServer):
    """Closes the connections that it served gently."""

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            close_gently(request)
