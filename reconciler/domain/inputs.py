"""An environment's `data` block: where its inputs are read from, and which column is which field of the task.

Pure pydantic. Credentials have no place here: a source names where the runner keeps them, never what they are.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from reconciler.domain.dates import COUNTED
from reconciler.domain.guard import Guard
from reconciler.domain.masks import Mask
from reconciler.domain.names import Duration, Name
from reconciler.domain.problems import Unfit
from reconciler.domain.sufficiency import Sufficiency
from reconciler.domain.written import Filter, Written

# --- columns ---------------------------------------------------------------------------------------------------

KnownAt = Literal["invoice-date", "later"]


def _mark(text: str) -> str:
    if not re.fullmatch(r"[^\s\d.,'’()+-]+", text):
        raise Unfit(f"{text!r} cannot be a currency's mark", "write what stands beside the numbers, as $ or EUR")
    return text


def _format(text: str) -> str:
    if "%" not in text and text not in COUNTED:
        raise Unfit(f"{text!r} is no date format", f"write it as strptime does, as %d.%m.%Y; or {', '.join(COUNTED)}")
    return text


class MappedColumn(Written):
    """Where a field of the task comes from, how it is written there, and when it is known."""

    column: str = Field(min_length=1, max_length=200)
    known_at: KnownAt | None = Field(None, description="when the value is known; the task's default if absent")
    date_format: Annotated[str, Field(max_length=40), AfterValidator(_format)] | None = Field(
        None, description="strptime, as %d.%m.%Y or %d. %B %Y; or what is counted: excel (days), unix, unix-ms"
    )
    add_days_to: str | None = Field(
        None,
        max_length=100,
        description="the column holds days, as 30 or NET30: the date is so many after this field's",
    )
    decimal: Literal[".", ","] = "."
    currency_mark: Annotated[str, Field(max_length=8), AfterValidator(_mark)] | None = Field(
        None, description="what stands before or after its numbers, as $ or EUR; what has another one is no number"
    )
    negate: bool = Field(False, description="the sign is turned, where what lowers a debt is written negative")
    true_values: list[str] = Field(default_factory=list)
    false_values: list[str] = Field(default_factory=list)
    values: dict[str, str] = Field(
        default_factory=dict, description="text in the source → the word that it means; others stay as they are"
    )


class ConstantField(Written):
    """A field that has one value for the whole source, such as the legal entity or the currency."""

    constant: str = Field(min_length=1, max_length=200)


Mapping = dict[str, str | MappedColumn | ConstantField]

# --- sources ---------------------------------------------------------------------------------------------------

_ELSEWHERE = "set it in the environment that copyOf names"
_PASSWORD = re.compile(r"//[^/@]*:[^/@]*@|(?i:[?&;](password|pwd|secret|token|key)=)")


def holds_password(address: str) -> bool:
    """Whether there is a password or key in an address."""
    return _PASSWORD.search(address) is not None


def _without_password(url: str) -> str:
    if holds_password(url):
        raise Unfit("an address in a manifest holds no password or key", "name the runner's credentials instead")
    return url


Address = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_without_password)]
FilePath = Annotated[str, Field(min_length=1, max_length=1000)]
TableName = Annotated[str, Field(min_length=1, max_length=200, description="TABLE or SCHEMA.TABLE; also a view")]
Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$")]


CsvEncoding = Literal["utf-8", "utf-16", "latin-1", "windows-1252"]


class CsvSource(Written):
    """A CSV file, all `*.csv` of a folder, or those that a pattern in the last part of the path finds."""

    kind: Literal["csv"]
    path: FilePath
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    encoding: CsvEncoding = "utf-8"
    header_line: int = Field(1, ge=1, le=1000, description="the line of the header; what stands above it is not read")


class ParquetSource(Written):
    """A Parquet file, all `*.parquet` of a folder, or those that a pattern in the last part of the path finds."""

    kind: Literal["parquet"]
    path: FilePath


class DeltaSource(Written):
    """The folder of a Delta table: what its log says is the table, at its newest version or at `version`."""

    kind: Literal["delta"]
    path: FilePath
    version: int | None = Field(None, ge=0)


class PostgresqlSource(Written):
    """A table or view of a PostgreSQL database; all inputs of one database are read in one transaction."""

    kind: Literal["postgresql"]
    host: Host
    port: int = Field(5432, ge=1, le=65535)
    database: str = Field(min_length=1, max_length=63)
    user: str = Field(min_length=1, max_length=63)
    table: TableName
    tls: Literal["verify-full", "require", "off"] = "verify-full"
    credentials: Name | None = Field(None, description="which of the runner's credentials is the password")


class SqlSource(Written):
    """A table or view of any database that SQLAlchemy has a dialect for, by its URL, which holds no password."""

    kind: Literal["sql"]
    url: Address
    table: TableName
    credentials: Name | None = Field(None, description="which of the runner's credentials is the password")


class NoAuthentication(Written):
    kind: Literal["none"]


class BasicAuthentication(Written):
    """User and password, the password being one of the runner's credentials."""

    kind: Literal["basic"]
    user: str = Field(min_length=1, max_length=200)
    credentials: Name


class OAuth2Authentication(Written):
    """The client credentials grant, the client's secret being one of the runner's credentials."""

    kind: Literal["oauth2"]
    token_url: Address
    client_id: str = Field(min_length=1, max_length=200)
    scope: str | None = Field(None, max_length=500)
    credentials: Name


Authentication = Annotated[NoAuthentication | BasicAuthentication | OAuth2Authentication, Field(discriminator="kind")]


class ODataSource(Written):
    """An entity set of an OData v4 service."""

    kind: Literal["odata"]
    url: Address = Field(description="the service's root")
    entity: str = Field(min_length=1, max_length=200)
    cross_company: bool = Field(False, description="ask for the rows of every legal entity (cross-company=true)")
    authentication: Authentication = NoAuthentication.model_construct(kind="none")


Source = Annotated[
    CsvSource | ParquetSource | DeltaSource | PostgresqlSource | SqlSource | ODataSource, Field(discriminator="kind")
]

# --- inputs ----------------------------------------------------------------------------------------------------


class Changes(Written):
    """The source is a list of changes, each appended: of the rows with equal `key` the one with the highest
    `version` counts, and where that one is `deleted` there is none."""

    key: list[str] = Field(min_length=1, max_length=10)
    version: str = Field(min_length=1, max_length=200)
    deleted: str | None = Field(None, min_length=1, max_length=200, description="a column that says yes or no")


class Input(Written):
    """One table of the environment's data: where it is read from, which of its rows, and which column is which
    field. `where` names columns of the source as they are called there."""

    source: Source
    mapping: Mapping
    where: list[Filter] = Field(default_factory=list, max_length=100)
    changes: Changes | None = None
    time_zone: str = Field("UTC", max_length=64, description="where a moment in time becomes a date, as Europe/Oslo")
    null_values: list[str] = Field(default_factory=list, description="texts that mean: no value, as 1900-01-01")


class BadRows(Written):
    """How many bad rows a refresh bears before it stops."""

    max_share: float = Field(0.01, ge=0, le=1)


class EnvironmentData(Written):
    """Inputs of an environment that has data, or `copyOf` for the one that trains."""

    copy_of: Name | None = None
    invoices: Input | None = None
    customers: Input | None = None
    settlements: Input | None = None
    bad_rows: BadRows = BadRows.model_construct()
    masks: dict[str, Mask] = Field(
        default_factory=dict, max_length=100, description="field → what it becomes in a copy; others stay as they are"
    )
    mask_key: Name | None = Field(None, description="which of the runner's credentials is the key of hashes")
    max_age: Duration | None = Field(None, description="how old a copy may be when it trains or judges")
    max_posting_age: Duration | None = Field(
        None, description="how old the newest invoice or settlement of a copy may be when it trains or judges"
    )
    row_tolerance: float | None = Field(
        None, ge=0, lt=1, description="share of rows by which a copy may be smaller than the one before"
    )
    least_kept: float | None = Field(
        None, ge=0, le=1, description="least share of the invoices read from the source that has to be in the copy"
    )
    sufficiency: Sufficiency = Sufficiency.model_construct()
    guard: Guard = Guard.model_construct()

    @model_validator(mode="after")
    def _a_copy_has_no_inputs(self) -> EnvironmentData:
        if self.copy_of and (self.invoices or self.customers or self.settlements):
            raise Unfit(
                "copyOf takes the inputs of the environment it names", "take invoices, customers and settlements out"
            )
        if self.copy_of and "guard" in self.model_fields_set:
            raise Unfit("the leak guard's limits are set where the data is", _ELSEWHERE)
        if self.copy_of and (self.masks or self.mask_key):
            raise Unfit("masks are set where the data is", _ELSEWHERE)
        if self.copy_of and "sufficiency" in self.model_fields_set:
            raise Unfit("what is enough is set where the data is", _ELSEWHERE)
        return self
