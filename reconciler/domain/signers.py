"""Allowed signers (ssh-keygen(1), ALLOWED SIGNERS): whether they say, for every key, which one person it belongs to."""

from __future__ import annotations

import re

_KEY = re.compile(r"\s(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-\S+\s+(AAAA\S+)")


def unclear(allowed_signers: str) -> tuple[int, str] | None:
    """(line, why) of the first line that leaves open who signed, None where all is clear.

    Patterns, lists of people and one key of two people are unclear: git names the first that fits, and an author
    could then approve his own change under another's name."""
    owners: dict[str, str] = {}
    for number, line in enumerate(allowed_signers.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        principal = line.split()[0]
        if set('*?!,"') & set(principal):
            return number, f"names {principal!r}: write one person a line"
        key = _KEY.search(line)
        if key and owners.setdefault(key[1], principal) != principal:
            return number, f"gives {principal} the key of {owners[key[1]]}"
    return None
