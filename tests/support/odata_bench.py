"""A service of ten invoices behind a proxy that can fail, and a reader of it that waits for nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.sources import Access, Allowed, secrets_of
from reconciler.adapters.sources.asking import Raw, Wanted, Work
from reconciler.adapters.sources.columns import columns_of
from reconciler.adapters.sources.readers.odata import open_odata
from reconciler.adapters.sources.readers.odata_limits import Limits
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.inputs import Input
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.tools.duck import connect
from tests.support.odata import PASSWORD, ODataServer
from tests.support.odata_faults import Proxy

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = "S3cret&of=the+client"
COLUMNS = {
    "DataAreaId": "text", "Invoice": "text", "Account": "text", "Dated": "date", "Due": "date", "Amount": "number",
    "Closed": "moment", "Disputed": "flag", "RecId": "whole", "Rate": "double", "Row": "uuid", "Blob": "binary",
}  # fmt: skip
MAPPING = {
    "legal_entity": "DataAreaId", "invoice": "Invoice", "customer": "Account", "invoice_date": "Dated",
    "due_date": "Due", "amount": "Amount",
}  # fmt: skip
ROW = "11111111-1111-4111-8111-{:012}"


def row(number: int, **changed: Any) -> tuple[Any, ...]:
    cells = {
        "DataAreaId": "usmf", "Invoice": f"F-{number:03}", "Account": "K1", "Dated": date(2024, 1, 5),
        "Due": date(2024, 2, 4), "Amount": Decimal(number), "Closed": None, "Disputed": None, "RecId": number,
        "Rate": 0.5, "Row": ROW.format(number), "Blob": None,
    }  # fmt: skip
    return tuple((cells | changed).values())


@dataclass
class Clock:
    """`Timer` that nobody waits for."""

    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=sum(self.slept))

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@dataclass
class Bench:
    """A service of ten rows, three a page, behind a proxy, and a reader of it."""

    running: ODataServer
    proxy: Proxy
    folder: Path
    clock: Clock = field(default_factory=Clock)
    limits: Limits = field(default_factory=Limits)
    variables: Mapping[str, str] = field(default_factory=lambda: {"RECONCILER_CREDENTIALS_ERP": SECRET})
    told: list[tuple[str, int, int]] = field(default_factory=list)
    hosts: frozenset[str] = frozenset()

    def put(self, rows: Sequence[Sequence[Any]], **given: Any) -> None:
        self.running.put("Invoices", COLUMNS, rows, **{"keys": ["DataAreaId", "Invoice"], "page": 3, **given})

    def source(self, **changed: Any) -> dict[str, Any]:
        return {"kind": "odata", "url": self.proxy.url, "entity": "Invoices", **changed}

    def read(self, *, where: Sequence[Any] = (), mapping: Mapping[str, Any] | None = None, **changed: Any) -> Rows:
        given = {"source": self.source(**changed), "mapping": mapping or MAPPING, "where": list(where)}
        wanted_input = Input.model_validate(given)
        wanted = Wanted("invoices", wanted_input, columns_of(SPEC, "invoices", wanted_input))
        hosts = self.hosts or frozenset({f"127.0.0.1:{self.proxy.port}"})
        access = Access(self.folder, Allowed((), hosts), secrets_of(self.variables))
        with (
            connect(self.folder) as database,
            open_odata(wanted_input.source, access, timer=self.clock, limits=self.limits) as reader,
        ):
            raw = reader(wanted, Work(self.folder, database, lambda *told: self.told.append(told)))
            found = database.execute(f"SELECT * FROM {raw.relation} ORDER BY line").fetchall()  # noqa: S608
        return Rows(raw, [dict(zip(("line", *wanted.names), cells, strict=True)) for cells in found])

    def refusal(self, **given: Any) -> ReconcilerError:
        with pytest.raises(ReconcilerError) as caught:
            self.read(**given)
        told = f"{caught.value.message} {caught.value.next_step} {caught.value.__cause__} {caught.value.args}"
        assert SECRET not in told and "TOKEN-" not in told and PASSWORD not in told and "OF-THE-BODY" not in told
        return caught.value


@dataclass
class Rows:
    raw: Raw
    rows: list[dict[str, Any]]

    def column(self, name: str) -> list[Any]:
        return [one[name] for one in self.rows]


ALL = [f"F-{number:03}" for number in range(10)]
