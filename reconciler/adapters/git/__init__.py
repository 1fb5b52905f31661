"""Git: source and history, ledgers, leases and proposals, through plain git processes."""

from reconciler.adapters.git.branches import GitBranches
from reconciler.adapters.git.history import GitHistory
from reconciler.adapters.git.lease import GitLease, Holder
from reconciler.adapters.git.ledger import GitLedger
from reconciler.adapters.git.refs import Refs
from reconciler.adapters.git.repository import Repository
from reconciler.adapters.git.trees import GitTrees

__all__ = ["GitBranches", "GitHistory", "GitLease", "GitLedger", "GitTrees", "Holder", "Refs", "Repository"]
