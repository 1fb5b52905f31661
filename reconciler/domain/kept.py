"""The base of everything that the machine writes and reads again."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Kept(BaseModel):
    """Frozen, snake_case, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
