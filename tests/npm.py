"""Foreign clients from npm, installed once into the user's cache from the committed lock file, digests checked."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest import ROOT

CLIENTS = ROOT / "tests" / "clients"
needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="npm (nodejs, npm) is not installed")


def installed() -> Path:
    """The folder `node_modules` with all of them."""
    lock = (CLIENTS / "package-lock.json").read_bytes()
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "unitgraph-tests"
    home.mkdir(parents=True, exist_ok=True)
    folder = home / f"clients-{hashlib.sha256(lock).hexdigest()[:16]}"
    with (home / "lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not folder.exists():
            aside = Path(tempfile.mkdtemp(dir=home))
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(CLIENTS / name, aside / name)
            command = ["npm", "ci", "--ignore-scripts", "--no-progress"]
            done = subprocess.run(command, cwd=aside, capture_output=True, text=True, check=False, timeout=600)
            assert done.returncode == 0, done.stderr[-2_000:]
            aside.rename(folder)
    return folder / "node_modules"
