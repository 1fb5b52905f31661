"""Which libraries decide an artifact's bytes, as one digest. Reads the metadata of what is installed."""

from __future__ import annotations

import hashlib
import re
from importlib import metadata

from reconciler.domain.errors import NeedsPerson

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r"\bextra\s*==")


def installed(root: str = "reconciler") -> tuple[str, ...]:
    """``name==version`` of everything that `root` needs, directly or not, sorted; `root` and tools for development
    are not among it. Raises NeedsPerson where `root` is not installed."""
    found: dict[str, str] = {}
    waiting = [_normal(root)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name == _normal(root):
                raise NeedsPerson(f"{root} is not installed", next_step="run make, or pip install -e .") from None
            continue  # another system's requirement
        found[name] = distribution.version
        needed = [text for text in distribution.requires or [] if not _EXTRA.search(text)]
        waiting += [_normal(match[0]) for text in needed if (match := _NAME.match(text))]
    return tuple(sorted(f"{name}=={version}" for name, version in found.items() if name != _normal(root)))


def lock_digest() -> str:
    """sha256 of the lines of `installed`, each ended by a newline."""
    lines = "".join(f"{line}\n" for line in installed())
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def _normal(name: str) -> str:
    """As packaging does: case and the kind of separator do not matter."""
    return re.sub(r"[-_.]+", "-", name).lower()
