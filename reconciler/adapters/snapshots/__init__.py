"""Snapshots in a folder: content-addressed copies of the data, as Parquet.

It may write below the store's folder and read the tables that a data source left. It refuses to serve bytes whose
hash, or rows whose canonical digest, are not those that the snapshot's own digest names.
"""

from reconciler.adapters.snapshots.store import FolderSnapshots

__all__ = ["FolderSnapshots"]
