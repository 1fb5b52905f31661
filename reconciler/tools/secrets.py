"""What the runner keeps secret: in a variable, or in the file that the variable with `_FILE` behind its name names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.domain.errors import NeedsPerson

_LONGEST = 1 << 16


def secret_in(environment: Mapping[str, str], variable: str, longest: int = _LONGEST) -> str | None:
    """The secret, of a file less the last line break; None where neither variable is set. Raises NeedsPerson for a
    file that cannot be read, without naming it."""
    if value := environment.get(variable):
        return value
    file = environment.get(f"{variable}_FILE")
    return _contents(file, f"{variable}_FILE", longest) if file else None


def _contents(file: str, variable: str, longest: int) -> str:
    try:
        with Path(file).open(encoding="utf-8") as stream:
            text = stream.read(longest + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise NeedsPerson(f"the file that {variable} names cannot be read: {reason}", next_step="mend it") from None
    if not text.strip() or len(text) > longest:
        raise NeedsPerson(f"the file that {variable} names is empty or too long", next_step="mend it")
    return text.removesuffix("\n").removesuffix("\r")
