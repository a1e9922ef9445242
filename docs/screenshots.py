"""Pictures of the pages, made by Chromium without a window: `make screenshots`.

Starts the server itself, on a free port of loopback, and ends it. The pictures are in `docs/images/`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = Path(__file__).resolve().parent / "images"

#: name, path, width and height in pixels
PICTURES = [
    ("home", "", 1280, 1000),
    ("unit", "unit/arl", 1280, 1000),
    ("unit-narrow", "unit/arl", 500, 1000),
    ("query", "query/first-round", 1280, 1000),
]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def main() -> int:
    """Make every picture; 1 if Chromium is missing."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is needed for pictures (Debian: apt-get install chromium)", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "unitgraph.cli", "serve", "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        match = re.match(r"serving (\S+)", server.stdout.readline())
        if match is None:
            return 1
        for name, path, width, height in PICTURES:
            with tempfile.TemporaryDirectory() as profile:
                size = [f"--user-data-dir={profile}", f"--window-size={width},{height}"]
                picture = f"--screenshot={IMAGES / name}.png"
                subprocess.run([chromium, *FLAGS, *size, picture, match[1] + path], check=True, capture_output=True)
            print(f"docs/images/{name}.png")
    finally:
        server.terminate()
        server.wait(20)
    return 0


if __name__ == "__main__":
    sys.exit(main())
