"""A server on 127.0.0.1 that passes connections on to another one, and has faults when it is told to."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque

METHODS = (b"GET ", b"PUT ", b"POST ", b"DELETE ", b"HEAD ")


class Relay:
    """``answers``: what the next requests over HTTP get instead of being passed on, as the last on their
    connection; ``delay``: seconds before anything of the server is passed back; ``cut_after``: the next
    answer ends after so many bytes."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.answers: deque[bytes] = deque()
        self.delay = 0.0
        self.cut_after: int | None = None
        self._silent = threading.Event()
        self._open = True
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def fail(self, times: int, status: str = "500 Internal Server Error") -> None:
        answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        self.answers.extend([answer] * times)

    def silence(self, on: bool = True) -> None:
        """Nothing of the server is passed back."""
        (self._silent.set if on else self._silent.clear)()

    def cut(self) -> None:
        """Ends all connections."""
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._open = False
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while self._open:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=60)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            for connection in (client, server):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections += [client, server]
            for source, target, passing in ((client, server, self._there), (server, client, self._back)):
                threading.Thread(target=self._pump, args=(source, target, passing), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, passing: object) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not passing(source, target, data):  # type: ignore[operator]
                    break
        for connection in (source, target):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _there(self, client: socket.socket, server: socket.socket, data: bytes) -> bool:
        if self.answers and data.startswith(METHODS):
            client.sendall(self.answers.popleft())
            client.shutdown(socket.SHUT_WR)
            # The rest of the request may still come: who ends a connection with something unread resets it,
            # and that would overtake the answer.
            while client.recv(65536):
                pass
            return False
        server.sendall(data)
        return True

    def _back(self, server: socket.socket, client: socket.socket, data: bytes) -> bool:
        if self.delay:
            time.sleep(self.delay)
        while self._silent.is_set() and self._open:
            time.sleep(0.01)
        if self.cut_after is not None:
            client.sendall(data[: self.cut_after])
            self.cut_after = None
            return False
        client.sendall(data)
        return True
