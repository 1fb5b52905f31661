"""What tests of Delta tables share: a table to write, its log to read and to change, and deletion vectors."""

from __future__ import annotations

import json
import string
import struct
from pathlib import Path
from typing import Any

from tests.sources.rigs.table import Rig


def last_log(rig: Rig) -> Path:
    return max((rig.root / "invoices" / "_delta_log").glob("*.json"))


def edit_log(rig: Rig, key: str, **changes: Any) -> None:
    """Change the newest log's entries of this kind, as a hostile writer would."""
    entries = [json.loads(line) for line in last_log(rig).read_text().splitlines()]
    for entry in entries:
        if key in entry:
            entry[key] |= changes
    last_log(rig).write_text("\n".join(json.dumps(entry) for entry in entries))


def deletion_vector(*rows: int) -> dict[str, Any]:
    """Rows of a file that are deleted, as the log holds a few of them: one 32-bit Roaring bitmap, in Z85 (Delta's
    protocol, "Deletion Vectors")."""
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(rows) - 1, 16) + b"".join(struct.pack("<H", row) for row in rows)
    content = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    return {"storageType": "i", "pathOrInlineDv": z85(content), "sizeInBytes": len(content), "cardinality": len(rows)}


def z85(content: bytes) -> str:
    marks = string.digits + string.ascii_lowercase + string.ascii_uppercase + ".-:+=^!/*?&<>()[]{}@%$#"
    padded = content + b"\0" * (-len(content) % 4)
    figures = (int.from_bytes(padded[at : at + 4], "big") for at in range(0, len(padded), 4))
    return "".join(marks[figure // 85**power % 85] for figure in figures for power in (4, 3, 2, 1, 0))
