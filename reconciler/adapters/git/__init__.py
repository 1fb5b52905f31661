"""Git: source and history, ledgers, leases and proposals, through plain git processes.

Here is what reading needs. What writes (`branches`, `lease`) is loaded from its own module, where something is written.
"""

from reconciler.adapters.git.history import GitHistory
from reconciler.adapters.git.ledger import GitLedger
from reconciler.adapters.git.refs import Refs
from reconciler.adapters.git.repository import Repository
from reconciler.adapters.git.trees import GitTrees

__all__ = ["GitHistory", "GitLedger", "GitTrees", "Refs", "Repository"]
