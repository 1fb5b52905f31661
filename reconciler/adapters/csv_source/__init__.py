"""Reads an environment's CSV inputs: a `DataSource`, and the `TableLook` that first contact uses.

It may read files below the folders that the runner allows, and write into a temporary folder of its own. It
refuses every other path, never shows a value of the data in a message, and runs DuckDB locked to that folder.
"""

from reconciler.adapters.csv_source.look import CsvLook
from reconciler.adapters.csv_source.paths import allowed_folders
from reconciler.adapters.csv_source.source import CsvDataSource

__all__ = ["CsvDataSource", "CsvLook", "allowed_folders"]
