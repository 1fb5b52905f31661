"""The runner's credentials by name: from a variable, or from the file that a variable names. Never from a manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.domain.errors import NeedsPerson
from reconciler.tools.secrets import secret_in

PREFIX = "RECONCILER_CREDENTIALS_"


def secrets_of(environment: Mapping[str, str]) -> Callable[[str], str]:
    """Credentials named `NAME` are RECONCILER_CREDENTIALS_NAME (in capitals, `_` for `-`), or the contents of the file
    that RECONCILER_CREDENTIALS_NAME_FILE names, less the last line break. The answer raises NeedsPerson where there is
    neither."""

    def secret(name: str) -> str:
        variable = PREFIX + name.upper().replace("-", "_")
        found = secret_in(environment, variable)
        if found is None:
            raise NeedsPerson(
                f"the credentials {name} are not set",
                next_step=f"set {variable}, or {variable}_FILE to a file that holds them, where this runs",
            )
        return found

    return secret
