"""Runs ``rtfsc`` as a process of its own, with a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


@dataclass
class Cli:
    """Runs ``rtfsc`` in ``folder``; nothing that it is asked may ever end in a traceback."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return Path(self.env["RTFSC_HOME"])

    def __call__(
        self, *arguments: str | Path, code: int = 0, input: str | bytes = b"", **options: Any
    ) -> subprocess.CompletedProcess[str]:
        data = input.encode() if isinstance(input, str) else input
        process = self.start(*arguments, **options)
        out, err = process.communicate(data, timeout=120)
        result = subprocess.CompletedProcess(process.args, process.returncode, out.decode(), err.decode())
        assert result.returncode == code, f"exit code {result.returncode}\n{result.stdout}\n{result.stderr}"
        assert "Traceback" not in result.stderr
        return result

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "rtfsc", *map(str, arguments)]
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(command, cwd=self.folder, env=self.env, **{**streams, **options})

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def file(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path


def runner(folder: Path, cache: Path) -> Cli:
    work, home = folder / "work", folder / "home"
    work.mkdir(parents=True, exist_ok=True)
    keep = {name: value for name, value in os.environ.items() if not name.startswith("RTFSC_")}
    own = {"RTFSC_HOME": str(home), "RTFSC_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    return Cli(work, {**keep, **own, "PYTHONIOENCODING": "utf-8"})
