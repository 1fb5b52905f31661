"""One file for each kind of source; here is which. Each is imported when it is used."""

from __future__ import annotations

from typing import assert_never

from reconciler.adapters.sources.asking import Kind
from reconciler.domain.inputs import (
    CsvSource,
    DeltaSource,
    ODataSource,
    ParquetSource,
    PostgresqlSource,
    Source,
    SqlSource,
)


def kind_of(source: Source) -> Kind:
    """How this kind of source is read."""
    match source:
        case CsvSource():
            from reconciler.adapters.sources.readers import csv_files

            return csv_files.KIND
        case ParquetSource():
            from reconciler.adapters.sources.readers import parquet_files

            return parquet_files.KIND
        case DeltaSource():
            from reconciler.adapters.sources.readers import delta

            return delta.KIND
        case PostgresqlSource():
            from reconciler.adapters.sources.readers import postgresql

            return postgresql.KIND
        case SqlSource():
            from reconciler.adapters.sources.readers import sql

            return sql.KIND
        case ODataSource():
            from reconciler.adapters.sources.readers import odata

            return odata.KIND
        case _:
            assert_never(source)
