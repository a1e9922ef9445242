"""Drawings that stand alone: an SVG file carries its own stylesheet, which our policy knows by its digest."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path

#: The stylesheet of all drawings: pages link it, files of their own carry it.
STYLE = (Path(__file__).parent / "static" / "drawing.css").read_text("utf-8")
#: The same as a source of styles (Content Security Policy Level 3 §2.3.1).
STYLE_SOURCE = f"'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
