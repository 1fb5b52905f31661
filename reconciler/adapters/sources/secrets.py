"""The runner's credentials by name: from a variable, or from the file that a variable names. Never from a manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from reconciler.domain.errors import NeedsPerson

PREFIX = "RECONCILER_CREDENTIALS_"
_LONGEST = 1 << 16


def secrets_of(environment: Mapping[str, str]) -> Callable[[str], str]:
    """Credentials named `NAME` are RECONCILER_CREDENTIALS_NAME (in capitals, `_` for `-`), or the contents of the file
    that RECONCILER_CREDENTIALS_NAME_FILE names, less the last line break. The answer raises NeedsPerson where there is
    neither."""

    def secret(name: str) -> str:
        variable = PREFIX + name.upper().replace("-", "_")
        if value := environment.get(variable):
            return value
        if file := environment.get(f"{variable}_FILE"):
            return _contents(file, f"{variable}_FILE")
        raise NeedsPerson(
            f"the credentials {name} are not set",
            next_step=f"set {variable}, or {variable}_FILE to a file that holds them, where this runs",
        )

    return secret


def _contents(file: str, variable: str) -> str:
    try:
        with Path(file).open(encoding="utf-8") as stream:
            text = stream.read(_LONGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise NeedsPerson(f"the file that {variable} names cannot be read: {reason}", next_step="mend it") from None
    if not text.strip() or len(text) > _LONGEST:
        raise NeedsPerson(f"the file that {variable} names is empty or too long", next_step="mend it")
    return text.removesuffix("\n").removesuffix("\r")
