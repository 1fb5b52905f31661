"""What a killed and repeated run must have left: the same as an undisturbed one, and nothing in the way."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from reconciler.testing import FakeScorer
from reconciler.usecases import data
from reconciler.usecases.apply import apply
from reconciler.usecases.house import House
from reconciler.usecases.plan import plan
from reconciler.usecases.predict import predict
from reconciler.usecases.survey import Ask
from reconciler.usecases.verify import verify
from tests.support.crash_house import Company
from tests.support.repositories import Repo

ENVIRONMENTS = ("production", "sandbox")
STORES = ("store", "production-store", "snapshots")
#: What is the lease's: the generation in a receipt, and the newest ones in a record.
_LEASES = frozenset({"generation", "generations"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)")


def state(house: House, company: Company) -> dict[str, Any]:
    """Deployments, stores, receipts, and whatever else may not depend on a kill; times and leases are left out."""
    house.history.fetch()
    found: dict[str, Any] = {"files": dict(_files(company.outside)), "left over": _leftovers(company.outside)}
    for name in ENVIRONMENTS:
        receipts = [_plain(each.model_dump(mode="json")) for _, each in house.ledger.receipts(name)][::-1]
        record = house.ledger.read(name).record.files()
        found[name] = {
            # A refresh that is asked for again is recorded again, also where nothing is new.
            "receipts": [each for each, _ in groupby(receipts)],
            "record": {path: _plain(json.loads(content)) for path, content in sorted(record.items())},
        }
    sources = "refs/reconciler/sources/"
    found["sources"] = {ref: value for ref, value in company.truth.refs().items() if ref.startswith(sources)}
    return found


def in_use(house: House) -> str:
    """The digest of the snapshot in use: with it `plan`, `data show` and `predict` work, and its files verify."""
    newest = house.ledger.read("sandbox").record.newest_snapshot
    plan(house, Ask())
    if newest is None:
        return ""
    shown = data.show(house)
    predicted = predict(replace(house, scorer=FakeScorer()), environment="sandbox", hindsight=True)
    assert (shown.snapshot.digest, predicted.as_of.isoformat()) == (newest.digest, newest.data_date)
    return newest.digest


def difference(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The lines in which two states differ."""
    texts = [json.dumps(each, indent=1, sort_keys=True).splitlines() for each in (expected, found)]
    return list(difflib.unified_diff(*texts, "undisturbed", "killed, then run again", n=2, lineterm=""))


def idle(house: House, company: Company) -> list[str]:
    """What one more apply does, writes or holds: nothing; it plans as `plan` does."""
    before = listing(company.live)
    more = apply(house, Ask())
    after = listing(company.live)
    told = [f"one more run had to do: {each.action}" for each in more.done]
    told += [f"held: {held.reason}: {held.detail}" for held in more.held] + [f"left: {each}" for each in more.left]
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    return told + [f"one more run wrote {path}" for path in sorted(changed)]


def findings(house: House) -> list[str]:
    """What `verify` finds: it replays the ledgers and hashes everything."""
    return [f"verify: {fault.where}: {fault.what}" for fault in verify(house).faults]


def in_the_way(house: House, company: Company) -> list[str]:
    """Takes every lease at once and gives it back. What is left of git's lock files then, none of ours may be."""
    for name in ENVIRONMENTS:
        house.lease.release(house.lease.acquire(name, timedelta(0)))
    folders = {company.truth.path, company.runner}
    return [f"a lock file is left: {lock}" for path in sorted(folders) for lock in Repo(path).lock_files()]


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Everything below a folder with inode, size and time: where these differ something was written. Left out is
    the cache in git's folder, where a fetch leaves the note that it was there."""
    found = {}
    for path, folders, files in os.walk(folder):
        if path.endswith("/.git/reconciler"):
            folders.clear()
            continue
        for name in (*folders, *files):
            stat = os.lstat(os.path.join(path, name))  # noqa: PTH118  a thousand names, many times
            found[f"{path}/{name}"] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if key not in _LEASES}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return "<time>" if isinstance(value, str) and _TIME.fullmatch(value) else value


def _files(outside: Path) -> Iterator[tuple[str, str]]:
    """Stores byte for byte; of targets what is served, without the lease's generation."""
    for path in sorted(outside.rglob("*")):
        inside = path.relative_to(outside)
        if path.is_symlink():
            yield str(inside), path.readlink().name.partition("-")[0]
            for file in sorted(path.iterdir()):
                yield str(inside / file.name), _hash(file) if file.name != "deployment.json" else "of this lease"
        elif path.is_file() and inside.parts[0] in STORES and path.suffix != ".lock":
            yield str(inside), _hash(path)


def _leftovers(outside: Path) -> list[str]:
    return sorted(str(path.relative_to(outside)) for path in outside.rglob(".tmp-*"))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
