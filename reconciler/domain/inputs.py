"""An environment's `data` block: where its inputs are read from, and which column is which field of the task.

Pure pydantic. Credentials have no place here: a source names where the runner keeps them, never what they are.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from reconciler.domain.names import Duration, Name
from reconciler.domain.written import Written

KnownAt = Literal["invoice-date", "later"]


class MappedColumn(Written):
    """Where a field of the task comes from, how it is written there, and when it is known."""

    column: str = Field(min_length=1, max_length=200)
    known_at: KnownAt | None = Field(None, description="when the value is known; the task's default if absent")
    date_format: str | None = Field(None, max_length=40, description="strptime, as %d.%m.%Y")
    decimal: Literal[".", ","] = "."
    true_values: list[str] = Field(default_factory=list)
    false_values: list[str] = Field(default_factory=list)


class ConstantField(Written):
    """A field that has one value for the whole source, such as the legal entity or the currency."""

    constant: str = Field(min_length=1, max_length=200)


Mapping = dict[str, str | MappedColumn | ConstantField]


class CsvSource(Written):
    kind: Literal["csv"]
    path: str = Field(min_length=1, max_length=1000)
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    encoding: Literal["utf-8", "utf-16", "latin-1"] = "utf-8"


class Input(Written):
    """One table of the environment's data: where it is read from and which column is which field."""

    source: CsvSource
    mapping: Mapping
    null_values: list[str] = Field(default_factory=list, description="texts that mean: no value")


class BadRows(Written):
    """How many bad rows a refresh bears before it stops."""

    max_share: float = Field(0.01, ge=0, le=1)


class EnvironmentData(Written):
    """Inputs of an environment that has data, or `copyOf` for the one that trains."""

    copy_of: Name | None = None
    invoices: Input | None = None
    customers: Input | None = None
    bad_rows: BadRows = BadRows()
    max_age: Duration | None = Field(None, description="how old a snapshot may be when it judges")

    @model_validator(mode="after")
    def _a_copy_has_no_inputs(self) -> EnvironmentData:
        if self.copy_of and (self.invoices or self.customers):
            raise ValueError("copyOf takes the inputs of the environment it names; take invoices and customers out")
        return self
