"""Checks the SSH signature of a commit against allowed signers that the caller brings.

git and ssh-keygen decide; OpenPGP and X.509 signatures are refused without starting their programs. The allowed
signers go through a temporary file that only this user can read.
"""

from __future__ import annotations

import re

from reconciler.adapters.git.commits import take_apart
from reconciler.adapters.git.failures import first_line
from reconciler.adapters.git.repository import Repository
from reconciler.domain.errors import NeedsPerson
from reconciler.domain.observed import Signature
from reconciler.domain.signers import unclear

_GOOD = re.compile(r'^Good "git" signature for (.+) with \S+ key \S+$', re.MULTILINE)
_SETTINGS = (
    "gpg.format=ssh",
    "gpg.ssh.program=ssh-keygen",
    "gpg.minTrustLevel=undefined",
    "gpg.program=false",
    "gpg.x509.program=false",
)


def check_signature(repository: Repository, commit: str, allowed_signers: str) -> Signature:
    """`good` with the principal, `none`, or `bad`: a stranger, an expired or revoked key, another kind of signature,
    or allowed signers that leave open who signed (a pattern, a list of people, one key of two people)."""
    import tempfile

    found = repository.objects.read(commit)
    if found is None or found[0] != "commit":
        raise NeedsPerson(f"commit {commit} is missing", next_step="git fetch, then again")
    signature = take_apart(found[1]).signature
    if not signature:
        return Signature("none", detail="the commit is not signed")
    if not signature.startswith("-----BEGIN SSH SIGNATURE-----"):
        return Signature("bad", detail="not an SSH signature")
    doubt = unclear(allowed_signers)
    if doubt:
        return Signature("bad", detail=f"line {doubt[0]} of the allowed signers {doubt[1]}")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="allowed-signers-") as file:
        file.write(allowed_signers)
        file.flush()
        settings = (*_SETTINGS, f"gpg.ssh.allowedSignersFile={file.name}")
        words = [word for setting in settings for word in ("-c", setting)]
        done = repository.git.attempt(*words, "verify-commit", "--raw", "--end-of-options", commit)
    if "cannot run ssh-keygen" in done.err:
        raise NeedsPerson("ssh-keygen is not installed", next_step="install the OpenSSH client")
    principals = _GOOD.findall(done.err)
    if done.code or len(principals) != 1:
        return Signature("bad", detail=_reason(done.err))
    return Signature("good", principal=principals[0])


def _reason(text: str) -> str:
    if 'Good "git" signature with' in text or "No principal matched" in text:
        return "signed by a key that is not among the allowed signers, or was not valid at that time"
    return f"the signature does not hold, or its key is revoked ({first_line(text)})"
