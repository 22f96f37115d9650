"""One command to a Ceph monitor: ``python -m services.rados CONFIGURATION COMMAND``, with the command as
JSON and its input from standard input. Prints what the monitor answers."""

from __future__ import annotations

import ctypes
import sys


def command(configuration: str, text: str, input: bytes) -> str:
    """Raises RuntimeError for a refusal and where no monitor answers."""
    rados = ctypes.CDLL("librados.so.2")
    cluster = ctypes.c_void_p()

    def check(result: int, doing: str) -> None:
        if result < 0:
            raise RuntimeError(f"{doing}: error {-result}")

    check(rados.rados_create2(ctypes.byref(cluster), b"ceph", b"client.admin", ctypes.c_uint64(0)), "create")
    check(rados.rados_conf_read_file(cluster, configuration.encode()), "read the configuration")
    check(rados.rados_conf_set(cluster, b"client_mount_timeout", b"300"), "set the timeout")
    check(rados.rados_connect(cluster), "connect")
    output, status = ctypes.c_char_p(), ctypes.c_char_p()
    output_size, status_size = ctypes.c_size_t(), ctypes.c_size_t()
    result = rados.rados_mon_command(
        cluster,
        (ctypes.c_char_p * 1)(text.encode()),
        ctypes.c_size_t(1),
        input,
        ctypes.c_size_t(len(input)),
        ctypes.byref(output),
        ctypes.byref(output_size),
        ctypes.byref(status),
        ctypes.byref(status_size),
    )
    said = (status.value or b"").decode(errors="replace")
    rados.rados_shutdown(cluster)
    check(result, f"{text}: {said}")
    return said


if __name__ == "__main__":
    print(command(sys.argv[1], sys.argv[2], sys.stdin.buffer.read()))
