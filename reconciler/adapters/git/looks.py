"""`doctor`'s looks at git: whether it is new enough, and whether signatures can be checked.

May start `git --version`. Refuses nothing: what is missing is a finding, with the command that installs it.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from reconciler.adapters.git.process import Git
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.observed import Finding

#: `cat-file --batch-command` and `core.fsync` came with it.
OLDEST = (2, 36)


def look_at_git() -> Finding:
    """Git and its version; an error where it is older than `OLDEST`, cannot be started or is not there."""
    try:
        told = Git(Path.cwd()).attempt("--version").out.decode("utf-8", "replace").strip()
    except ReconcilerError as error:
        told = error.message
    found = re.search(r"git version (\d+)\.(\d+)", told)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        return Finding("git", "error", told, f"install git {'.'.join(map(str, OLDEST))} or newer")
    return Finding("git", "ok", told)


def look_at_signatures() -> Finding:
    """Whether `ssh-keygen`, by which git checks SSH signatures, is there."""
    if shutil.which("ssh-keygen"):
        return Finding("ssh-keygen", "ok", "checks the signatures that evidence: signed asks for")
    return Finding("ssh-keygen", "warning", "not found: evidence: signed cannot be checked", "install openssh-client")
