"""Reads an environment's inputs: a `DataSource`, and the `TableLook` and `Trials` that first contact uses.

One file in `readers/` for each kind of source; what they find is typed, checked and written in one way. It may read
files below the folders and ask hosts that the runner allows, and write into a temporary folder of its own. It
refuses every other path and host, never shows a value of the data or a credential in a message, and runs DuckDB
locked to that folder.
"""

from reconciler.adapters.sources.allow import Allowed, allowed_by
from reconciler.adapters.sources.asking import Access
from reconciler.adapters.sources.look import Look
from reconciler.adapters.sources.masking import Masked
from reconciler.adapters.sources.secrets import secrets_of
from reconciler.adapters.sources.source import Sources
from reconciler.adapters.sources.trying import Tries

__all__ = ["Access", "Allowed", "Look", "Masked", "Sources", "Tries", "allowed_by", "secrets_of"]
