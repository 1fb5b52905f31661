"""Manifests in git: reads, places, caches and edits the YAML that people write.

Everything here is hostile input. It touches a `Trees` and one cache file, and runs nothing that it reads. It
refuses what could be read in two ways (duplicate keys, tags, aliases, `no`) rather than choosing one. What parses is
loaded where a file is parsed: most commands find all of them in the cache. The editor is in `editor`.
"""

from __future__ import annotations

from reconciler.adapters.manifests.folder import Files
from reconciler.adapters.manifests.reader import Manifests

__all__ = ["Files", "Manifests"]
