"""Ports of work: the box, scoring, files that people write, first contact, and the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from reconciler.domain.inputs import EnvironmentData, Source
    from reconciler.domain.jobs import Job, ModelCard, Result
    from reconciler.domain.manifests import Environment, Pin
    from reconciler.domain.problems import Place, Problem
    from reconciler.domain.record import Isolation

Progress = Callable[[str, int, int], None]
"""Called with a label, how much is done and how much there is (0: not known)."""


@dataclass(frozen=True)
class Ran:
    """What came of a job: its result, the files it left (name → path, inside `folder`), the box it had."""

    result: Result
    files: Mapping[str, Path]
    isolation: Isolation


@dataclass(frozen=True)
class BoxRules:
    """How a job is boxed: `required` refuses where the box cannot be had; the limits end it as a machine failure."""

    required: bool = True
    memory: int = 4 << 30
    processor: timedelta = timedelta(minutes=30)
    wall: timedelta = timedelta(minutes=30)


class Trainer(Protocol):
    """Runs a job in the box: no network, no home, no credentials, none of the parent's environment."""

    def run(self, job: Job, rules: BoxRules, progress: Progress) -> AbstractContextManager[Ran]:
        """Failures of the job are values (`JobFailure`); its files live until the context ends. `progress` is called
        again and again while the job runs, also where nothing new is known. Folders named by
        the job are shown to the box read-only. Raises NeedsPerson where isolation is required and not to be had."""

    def lock_digest(self) -> str:
        """What identifies the installed libraries: sha256 of the sorted name==version lines of the house."""


class Scorer(Protocol):
    """Gives open invoices their probabilities, with bytes that the caller has verified."""

    def predict(
        self, *, model: bytes, card: ModelCard, snapshot: Path, as_of: date, progress: Progress
    ) -> Mapping[str, list[Any]]:
        """Column name → values, one per open invoice. `snapshot` is the folder of a verified snapshot. Raises
        VerificationFailed where model and card do not fit."""

    def write(self, columns: Mapping[str, list[Any]], path: Path) -> None:
        """Write by the name's ending (.csv, .parquet, .json), all or nothing. Raises AuthorMustFix, RetryLater."""

    def as_csv(self, columns: Mapping[str, list[Any]]) -> str:
        """The same as CSV text."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The present, in UTC."""


class ManifestFiles(Protocol):
    """Files of a working tree that a person asked to have put in form or written."""

    def find(self, paths: Sequence[Path]) -> Sequence[Path]:
        """The paths that are files, and every `.yaml` below those that are folders, sorted; no symlinks.
        Raises AuthorMustFix for a path that is not there."""

    def read(self, path: Path) -> bytes:
        """The bytes of a regular file of at most 1 MiB. Raises AuthorMustFix."""

    def replace(self, path: Path, content: bytes) -> None:
        """Write a file by one rename, its folder made where absent. Raises RetryLater when the disk refuses."""


class ManifestEditor(Protocol):
    """Edits a person's file by splicing bytes at a node's marks; refuses if anything else would change."""

    def set_pin(self, content: bytes, model: str, pin: Pin, file: str) -> bytes:
        """The release with this one pin set. Raises AuthorMustFix with the line where it cannot be done safely."""

    def set_version(self, content: bytes, version: str, file: str) -> bytes:
        """The manifest with `metadata.version` set and nothing else changed. Raises AuthorMustFix as `set_pin`."""

    def environment(self, file: str, content: bytes) -> Environment:
        """The Environment in these bytes (rules that a ledger has adopted). Raises VerificationFailed if it is none."""

    def parse(self, file: str, content: bytes) -> tuple[object, tuple[Problem, ...]]:
        """The document as plain values, and every fault with its place."""

    def place_of(self, file: str, content: bytes, path: Sequence[str]) -> Place:
        """Where a field stands in a file."""

    def tidy(self, file: str, content: bytes) -> bytes:
        """The file in its usual form: key order, indentation, spacing; comments stay. Applying it twice is
        applying it once. Raises AuthorMustFix where the file is not YAML or its meaning would change."""


InputName = Literal["invoices", "customers", "settlements"]


@dataclass(frozen=True)
class Asked:
    """What a person named as the source of an input (`of`): a file, a folder, a pattern of names, or an address;
    relative paths begin at `folder`. `table` is for addresses, `credentials` the name of the runner's, `token_url` and
    `scope` for services that ask for OAuth2."""

    what: str
    folder: Path
    table: str | None = None
    credentials: str | None = None
    token_url: str | None = None
    scope: str | None = None
    of: InputName = "invoices"

    @property
    def said(self) -> str:
        """What a person calls it: the table, else what was named."""
        return self.table or self.what

    @property
    def option(self) -> str:
        """The option that named it."""
        return "--from" if self.of == "invoices" else f"--{self.of}"

    @property
    def table_option(self) -> str:
        """The option that names its table."""
        return "--table" if self.of == "invoices" else f"--{self.of}-table"


Native = Literal["date", "number", "flag"]
"""What the values of a column are by the source's own types, so that how they are written is no question."""


@dataclass(frozen=True)
class Sample:
    """What a person's source looks like: the block that names it, how it is written, in words, and its columns as
    texts, by the header's order; dates are ISO where the source has dates.

    `columns[i]` holds the cells below `header[i]`, `natives[i]` their type: all of them, or a sample where the source
    has more rows than were asked for (`rows` is how many it has). `allow` is what git config `reconciler.dataAllow`
    has to name, `doubts` what a person should check."""

    source: Source
    written: str
    header: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    rows: int
    natives: tuple[Native | None, ...]
    allow: tuple[str, ...]
    delimiter: str = ","
    doubts: tuple[str, ...] = ()


class TableLook(Protocol):
    """Looks at a source that nobody has described yet."""

    def look(self, asked: Asked, most: int, progress: Progress) -> Sample:
        """Raises AuthorMustFix for what is not a readable table with a header and rows, and for an address that holds
        a password; NeedsPerson and RetryLater as `DataSource`."""


@dataclass(frozen=True)
class Trial:
    """What a mapping gave before anything was written: rows that would be kept, by table; of the settlements those
    that name an invoice, and those whose invoice is there; and of the invoices, or an even sample of them, when each
    was dated, due and settled."""

    rows: Mapping[str, int]
    settlements: int
    matched: int
    dated: Sequence[date | None]
    due: Sequence[date | None]
    settled: Sequence[date | None]


class Trials(Protocol):
    """Tries a mapping on all rows."""

    def try_out(self, data: EnvironmentData, allow: Sequence[str], as_of: date | None, progress: Progress) -> Trial:
        """Read, type and close as a refresh would. Raises as `DataSource.extract`."""


class Beginnings(Protocol):
    """Makes a new repository, whole or not at all."""

    def begin(self, folder: Path) -> AbstractContextManager[Path]:
        """A new, empty repository (branch main) under a temporary name beside `folder`, which may be absent or an
        empty folder. When the context ends well it takes its place there; otherwise nothing is left.
        Raises AuthorMustFix where something is there already, RetryLater when the disk refuses."""

    def commit(self, repository: Path, files: Mapping[str, bytes], message: str, *, allow: Sequence[str] = ()) -> str:
        """Write and commit these files; name folders and hosts in git config `reconciler.dataAllow`. Returns the
        commit's id."""
