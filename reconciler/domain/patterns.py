"""What names, versions and digests look like as text: what needs no model, for what must start without one."""

from __future__ import annotations

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,62}$"
VERSION_PATTERN = (
    r"^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})"
    r"(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?$"
)
DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"


def short_digest(digest: str | None) -> str:
    """The first twelve hexadecimal figures, for people; never used to identify."""
    return digest.removeprefix("sha256:")[:12] if digest else "-"
