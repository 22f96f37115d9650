"""Calls that are awaited where wasmtime cannot be called directly: they are woken to be stopped."""

from __future__ import annotations

import os
import subprocess
import sys

_PROGRAM = """
import asyncio
import rtfsc
from runtime.wasm.bridge import bridge_status

spin = "(defn spin [] (loop [i 0] (if (< i 0) i (recur (+ 1 (rem i 1000))))))"
module = rtfsc.compile(spin + "(defn twice [n] (* 2 n))")

async def main():
    try:
        await module.spin.call_async(deadline_ms=50)
    except rtfsc.DeadlineExceeded as error:
        print(error)
    task = asyncio.create_task(module.spin.call_async())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    print(await module.twice.call_async(21), bridge_status().direct)

asyncio.run(asyncio.wait_for(main(), 60))
"""


def test_deadlines_and_cancelling() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, "RTFSC_WASM_BRIDGE": "slow"},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout == "Deadline of 50 ms exceeded\n42 False\n"
