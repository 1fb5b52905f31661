"""Masks, applied to the typed rows of an extract before anybody else sees them, and the facts of what is left.

A hash is HMAC-SHA256, by the key and the field's name, so that one account has one hash in every table and every copy.
The key is bound as a value: it stands in no statement, no message and no file.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from reconciler.adapters.sources.facts import facts_of
from reconciler.domain.errors import AuthorMustFix, NeedsPerson
from reconciler.domain.inputs import EnvironmentData
from reconciler.domain.masks import Coarsened, Mask, Rounded, faults, key_of, keyed, mask_of
from reconciler.domain.task import TaskSpec
from reconciler.ports import DataSource, Extract, Progress
from reconciler.tools.duck import connect, literal, quoted, value_free

#: Characters of a hash: 128 bits, so that two accounts never share one.
_FIGURES = 32
_SHORTEST_KEY = 32
_BLOCK = 64
_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aiou"


@dataclass(frozen=True)
class Masked:
    """A `DataSource` that masks what another one read, as `data.masks` say, and states the facts of it.

    `secret` gives one of the runner's credentials by its name. Raises AuthorMustFix for masks that will not do,
    NeedsPerson where the key is not set or too short."""

    source: DataSource
    task: TaskSpec
    secret: Callable[[str], str]

    def extract(self, data: EnvironmentData, as_of: date | None, progress: Progress) -> AbstractContextManager[Extract]:
        """See `ports.DataSource`."""
        for fault in faults(data.masks, data.mask_key, self.task):
            raise AuthorMustFix(f"data.masks: {fault.what}", next_step=fault.next_step)
        return self._extract(data, as_of, progress)

    @contextmanager
    def _extract(self, data: EnvironmentData, as_of: date | None, progress: Progress) -> Iterator[Extract]:
        key = _key(self.secret, data.mask_key) if data.mask_key is not None and keyed(data.masks) else None
        with self.source.extract(data, as_of, progress) as found:
            masked = _columns(self.task, found, data.masks)
            with value_free("mask", found.folder), connect(found.folder, spill=found.folder / "spill") as database:
                for table, masks in masked.items():
                    progress(f"masking {table}", 0, 1)
                    _rewrite(database, found.folder / f"{table}.parquet", masks, key)
                told = _told(found, masked, database, key)
            yield told


Masks = Mapping[str, Mask]


def _told(found: Extract, masked: Mapping[str, Masks], database: Any, key: bytes | None) -> Extract:
    left = {
        table: tuple(column for column in columns if masked.get(table, {}).get(column.name) != "drop")
        for table, columns in found.columns.items()
    }
    invoices = f"read_parquet({literal(str(found.folder / 'invoices.parquet'))})"
    entities = found.entities
    if "legal_entity" in masked.get("invoices", {}):
        entities = dict(database.execute(f"SELECT legal_entity, count(*) FROM {invoices} GROUP BY 1").fetchall())  # noqa: S608
    check = hmac.digest(key, b"reconciler: which key", "sha256").hex()[:12] if key is not None else None
    facts = facts_of(database, found.folder, left)
    return replace(found, columns=left, entities=entities, key_check=check, facts=facts)


def _columns(task: TaskSpec, found: Extract, masks: Masks) -> dict[str, Masks]:
    """Table → column → its mask, where there is one that changes something."""
    out: dict[str, Masks] = {}
    for table, columns in found.columns.items():
        spoken_of = "invoices" if table == "episodes" else table  # an episode is of an invoice, and masked as that is
        of = {spec.name: key_of(task, spec) for spec in task.fields.values() if spec.table == spoken_of}
        wanted = {column.name: mask_of(masks, of.get(column.name, "")) for column in columns}
        if chosen := {name: mask for name, mask in wanted.items() if mask != "keep"}:
            out[table] = chosen
    return out


def _rewrite(database: Any, file: Path, masks: Masks, key: bytes | None) -> None:
    """The same rows, masked, in the place of the file."""
    source = f"read_parquet({literal(str(file))})"
    dropped = [quoted(name) for name, mask in masks.items() if mask == "drop"]
    changed, joined = [], []
    for number, (name, mask) in enumerate(masks.items()):
        if mask in ("hash", "pseudonym") and key is not None:
            _names(database, f"names_{number}", (source, name, mask), key)
            joined.append(f"LEFT JOIN names_{number} ON source.{quoted(name)} = names_{number}.value")
            changed.append(f"names_{number}.name AS {quoted(name)}")
        elif mask != "drop":
            changed.append(f"{_value(f'source.{quoted(name)}', mask)} AS {quoted(name)}")
    exclude = f"EXCLUDE ({', '.join(dropped)})" if dropped else ""
    replaced = f"REPLACE ({', '.join(changed)})" if changed else ""
    fresh = file.with_suffix(".masked")
    database.execute(
        f"COPY (SELECT source.* {exclude} {replaced} FROM {source} AS source {' '.join(joined)}) "  # noqa: S608
        f"TO {literal(str(fresh))} (FORMAT parquet, COMPRESSION lz4_raw)"
    )
    fresh.replace(file)


def _names(database: Any, table: str, of: tuple[str, str, Mask], key: bytes) -> None:
    """A table of each value of a column, once, and the name that it gets."""
    source, name, mask = of
    inner, outer = _pads(key)
    message = f"encode({literal(name)} || chr(0) || value)"
    database.execute(
        f"CREATE OR REPLACE TEMP TABLE {table}_hashed AS "  # noqa: S608
        f"SELECT value, sha256($outer || unhex(sha256($inner || {message}))) AS figures "
        f"FROM (SELECT DISTINCT {quoted(name)} AS value FROM {source} WHERE {quoted(name)} IS NOT NULL)",
        {"inner": inner, "outer": outer},
    )
    made = f"substr(figures, 1, {_FIGURES})" if mask == "hash" else _words("figures")
    database.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT value, {made} AS name FROM {table}_hashed")  # noqa: S608


def _value(cell: str, mask: Mask) -> str:
    match mask:
        case Rounded():
            return _rounded(cell, round(mask.round * 10_000))
        case Coarsened():
            return f"CAST(date_trunc('{mask.coarsen}', {cell}) AS DATE)"
        case _:
            return cell


def _rounded(cell: str, step: int) -> str:
    """In whole ten-thousandths, so that nothing is ever a float. `step` is in these."""
    whole = f"CAST({cell} * 10000 AS HUGEINT)"
    nearest = f"((abs({whole}) + {step // 2}) // {step}) * {step} * sign({whole})"
    return f"CAST(CAST({nearest} AS DECIMAL(22,0)) * CAST(0.0001 AS DECIMAL(5,4)) AS DECIMAL(18,4))"


def _words(figures: str) -> str:
    """64 bits of it as four words of five letters, each of sixteen bits, as `lusab-babad-gutih-tugad`."""
    parts = []
    for position in range(4):
        bits = f"CAST('0x' || substr({figures}, {1 + 4 * position}, 4) AS INTEGER)"
        word = [(_CONSONANTS, 12), (_VOWELS, 10), (_CONSONANTS, 6), (_VOWELS, 4), (_CONSONANTS, 0)]
        letters = [f"substr('{of}', 1 + (({bits} >> {shift}) & {len(of) - 1}), 1)" for of, shift in word]
        parts.append(" || ".join(letters))
    return " || '-' || ".join(parts)


def _pads(key: bytes) -> tuple[bytes, bytes]:
    """The two blocks that HMAC puts before what it hashes (RFC 2104)."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    return bytes(each ^ 0x36 for each in block), bytes(each ^ 0x5C for each in block)


def _key(secret: Callable[[str], str], name: str) -> bytes:
    key = secret(name).strip().encode()
    if len(key) < _SHORTEST_KEY:
        raise NeedsPerson(
            f"the credentials {name} are too short for a key: {len(key)} characters, {_SHORTEST_KEY} at least",
            next_step="make one with: openssl rand -hex 32, and keep it: another key gives other hashes",
        )
    return key
