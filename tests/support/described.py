"""What describes a snapshot's folder, for tests that look into it or change it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reconciler.tools.described import NAME, PLAIN, compress, description


def described(folder: Path) -> dict[str, Any]:
    """The document."""
    found: dict[str, Any] = json.loads(description(folder))
    return found


def describe(folder: Path, document: object) -> None:
    """Put another document in its place."""
    (folder / PLAIN).unlink(missing_ok=True)
    (folder / NAME).write_bytes(compress(json.dumps(document).encode()))


def as_before(folder: Path) -> None:
    """Describe a folder as it was done before descriptions were compressed."""
    (folder / PLAIN).write_text(json.dumps(described(folder), indent=2, sort_keys=True) + "\n")
    (folder / NAME).unlink()
