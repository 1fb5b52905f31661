"""Reads receipts of deployments, exactly as `message_of` writes them, straight into lines of history.

Ten thousand of them would cost more to build than git takes to find them. What this pattern takes, `parse_receipt`
takes too, and means the same; whatever it does not take (other actions, failures, escapes, other hands) is handed on
to that. Loads no model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from reconciler.domain.line import Line

_WORD = r'[^"\\\x00-\x1f]*+'  # inside the quotes of a JSON string that escapes nothing
_ANY = rf'(?:null|"{_WORD}")'
_DEPLOY = rf"""\{{
  "format_version": [1-9][0-9]{{0,3}},
  "environment": "({_WORD})",
  "source_commit": (?:null|"({_WORD})"),
  "at": "([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}Z)",
  "by": "({_WORD})",
  "run_url": {_ANY},
  "outcome": "succeeded",
  "reason": "{_WORD}",
  "action": "deploy",
  "model": "({_WORD})",
  "version": "({_WORD})",
  "digest": "sha256:([0-9a-f]{{12}})[0-9a-f]{{52}}",
  "pin_commit": {_ANY},
  "evidence": \{{
    "kind": "(none|merge|signed|forge)",
    "commit": {_ANY},
    "approver": (?:null|"({_WORD})"),
    "pull_request": {_ANY}
  \}},
  "going_back": (false|true),
  "generation": (?:0|[1-9][0-9]{{0,17}})
\}}\n*+(?=\x00|\Z)"""
#: NUL, ids of commit and tree, and a message: that of a deployment, or (the last group) any other.
_ENTRY = re.compile(rf"\x00([0-9a-f]++) [0-9a-f]++\n(?:[^\n\x00]*+\n\n{_DEPLOY}|([^\x00]*+))")


def read_lines(entries: bytes) -> Iterator[tuple[str, Line | bytes]]:
    """(commit, its line) of whole entries, each `NUL commit SPACE tree LINE-FEED message`; the message instead of the
    line where it is not a deployment as it is usually written."""
    try:
        text = entries.decode()
    except UnicodeDecodeError:
        yield from map(_unread, entries.split(b"\0")[1:])
        return
    for commit, environment, source, at, by, model, version, digest, kind, approver, back, other in _ENTRY.findall(
        text
    ):
        if not at:
            yield commit, other.encode()
        elif not _is_time(at):
            yield next(_unread(entry) for entry in entries.split(b"\0") if entry.startswith(commit.encode()))
        else:
            what = f"{model} {version} (going back)" if back == "true" else f"{model} {version}"
            evidence = f"{kind} by {approver}" if approver else kind
            yield commit, Line(commit, at, environment, "deploy", what, digest, source[:12] or "-", evidence, by)


def _unread(entry: bytes) -> tuple[str, bytes]:
    head, _, message = entry.partition(b"\n")
    return head.decode("ascii").split(" ")[0], message


def _is_time(text: str) -> bool:
    with suppress(ValueError):
        datetime.fromisoformat(text)
        return True
    return False
