"""The main job, step by step with times: run by scripts/demo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="rtfsc-demo-") as home:
        os.environ["RTFSC_HOME"] = home
        os.environ["RTFSC_CACHE_DIR"] = os.path.join(home, "cache")
        _first_process()
        print("\nA second process, that knows only the sources and an interface:")
        subprocess.run([sys.executable, __file__, "--second"], check=True)


def _first_process() -> None:
    import rtfsc

    print("The first process compiles, certifies, signs and publishes:")
    runtime = _step("key, trust and store", lambda: rtfsc.Runtime.init())
    for path in sorted(EXAMPLES.glob("*.rtfs")):
        published = _step(f"publish {path.name}", lambda path=path: runtime.publish_file(path))
        certificate = published.certificate
        print(
            f"      {published.size:,} bytes, sha256 {published.digest[:16]}…, "
            f"{certificate.inputs} inputs agree on {' and '.join(certificate.engines)}"
        )
    from demo_solve import first

    _step("have a function written for a task", lambda: first(runtime))


def _second_process() -> None:
    import rtfsc

    runtime = rtfsc.Runtime(store=True)
    keyword = rtfsc.Keyword
    order = [{keyword("units"): 12, keyword("price"): 999}, {keyword("units"): 1, keyword("price"): 250}]
    plan = {
        keyword("dig"): {keyword("takes"): 3, keyword("after"): []},
        keyword("pour"): {keyword("takes"): 2, keyword("after"): [keyword("dig")]},
    }
    calls: list[tuple[str, str, tuple[Any, ...]]] = [
        ("pricing.rtfs", "price-order", (order, keyword("de"))),
        ("textstats.rtfs", "top-words", ("a rose is a rose is a rose", 2)),
        ("mandelbrot.rtfs", "grid-total", (60, 200)),
        ("schedule.rtfs", "finish-times", (plan,)),
    ]
    for file, function, arguments in calls:
        source = (EXAMPLES / file).read_text()
        module = _step(f"find and verify {file}", lambda source=source: runtime.compile(source))
        origin = module.__provenance__
        assert origin.origin == "store", origin
        print(f"      digest {origin.digest[:16]}…, signed by {origin.signer[:16]}…")
        call = module[function]
        value = _step(
            f"call {function} in WebAssembly", lambda call=call, arguments=arguments: call(*arguments)
        )
        evaluator = rtfsc.compile(source, engine="evaluator")[function]
        same = _step(
            f"call {function} in the evaluator", lambda call=evaluator, arguments=arguments: call(*arguments)
        )
        assert value == same, (value, same)
        print(f"      both give {value!r}")
    interface = "(declare round-half-up [n : Int d : Int] : Int)"
    found = _step("find by interface alone", lambda: runtime.find(interface))
    names = ", ".join(function.name for function in found)
    print(f"      (n : Int, d : Int) : Int has {len(found)} stored function(s): {names}")
    rounded = found[0].load()
    print(f"      {found[0].name}(5, 2) = {rounded(5, 2)}")
    from demo_solve import second

    _step("find what the model wrote, by meaning", lambda: second(runtime))


def _step(label: str, work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    result = work()
    elapsed = time.perf_counter() - start
    print(f"  {label:<44} {elapsed * 1e3:9.3f} ms", flush=True)
    return result


if __name__ == "__main__":
    _second_process() if "--second" in sys.argv else main()
    if "--second" not in sys.argv:
        print(json.dumps({"demo": "ok"}))
