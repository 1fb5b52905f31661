"""Delta tables whose rows were deleted by deletion vectors, and whose columns were renamed, as Fabric and Spark do."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from deltalake import DeltaTable, WriterProperties, write_deltalake

from reconciler.domain.errors import AuthorMustFix, RetryLater
from tests.sources.rigs.parquet_rig import frame
from tests.sources.rigs.table import Rig
from tests.sources.test_contract import INVOICES, read, refusal, with_rows
from tests.support.delta_logs import deletion_vector, edit_log, last_log, z85

BOTH = ["columnMapping", "deletionVectors"]
UNIQUE = UUID("d2c639aa-8816-431a-aaf6-d3fe2512ff61")


def bitmap(rows: Sequence[int]) -> bytes:
    """A 64-bit Roaring bitmap of one 32-bit one: a container for each 65,536 rows, of at most 4,096 rows each."""
    parts: dict[int, list[int]] = {}
    for row in sorted(rows):
        parts.setdefault(row >> 16, []).append(row & 0xFFFF)
    heads = b"".join(struct.pack("<HH", key, len(values) - 1) for key, values in parts.items())
    bodies = [struct.pack(f"<{len(values)}H", *values) for values in parts.values()]
    first = 8 + 8 * len(parts)
    places = b"".join(struct.pack("<I", first + sum(map(len, bodies[:n]))) for n in range(len(bodies)))
    return struct.pack("<IQIII", 1681511377, 1, 0, 12346, len(parts)) + heads + places + b"".join(bodies)


def in_a_file(place: Path, rows: Sequence[int]) -> dict[str, Any]:
    """Write a file of one deletion vector; what the log says of it, but for its place."""
    content = bitmap(rows)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(b"\x01" + struct.pack(">I", len(content)) + content + struct.pack(">I", zlib.crc32(content)))
    return {"offset": 1, "sizeInBytes": len(content), "cardinality": len(rows)}


def beside(rig: Rig, rows: Sequence[int], prefix: str = "") -> dict[str, Any]:
    """A deletion vector in a file of the table's folder."""
    place = rig.root / "invoices" / prefix / f"deletion_vector_{UNIQUE}.bin"
    return {"storageType": "u", "pathOrInlineDv": prefix + z85(UNIQUE.bytes), **in_a_file(place, rows)}


def elsewhere(place: Path, rows: Sequence[int]) -> dict[str, Any]:
    """A deletion vector in a file that the log names by its whole path."""
    return {"storageType": "p", "pathOrInlineDv": f"file://{place}", **in_a_file(place, rows)}


def delete(rig: Rig, vector: dict[str, Any]) -> None:
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    edit_log(rig, "protocol", minReaderVersion=3, minWriterVersion=7, **features)
    edit_log(rig, "add", deletionVector=vector)


PLACES: dict[str, Callable[[Rig], dict[str, Any]]] = {
    "in the log": lambda _: deletion_vector(0, 2),
    "in a file": lambda rig: beside(rig, [0, 2]),
    "in a file of a folder": lambda rig: beside(rig, [0, 2], "ab"),
    "by its whole path": lambda rig: elsewhere(rig.root / "invoices" / "mine.bin", [0, 2]),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("log", ["commits", "a checkpoint"])
def test_deleted_rows_are_not_read_wherever_the_vector_is_kept(rig: Rig, place: str, log: str) -> None:
    source = rig.put("invoices", INVOICES)
    delete(rig, PLACES[place](rig))
    if log == "a checkpoint":
        DeltaTable(rig.root / "invoices").create_checkpoint()
        last_log(rig).unlink()
    assert read(rig, source).column("invoice") == [INVOICES.rows[1][1]]


def test_rows_that_are_deleted_across_the_groups_of_a_large_file_are_those(rig: Rig) -> None:
    """Several threads read a file's groups: each has to know where its rows are in the file."""
    table = with_rows(*({"RecId": n, "Invoice": f"F-{n:06d}"} for n in range(70_000)))
    groups = WriterProperties(max_row_group_size=5_000)
    write_deltalake(rig.root / "invoices", frame(table), target_file_size=2**30, writer_properties=groups)
    gone = set(range(3, 70_000, 97))
    delete(rig, beside(rig, sorted(gone)))
    found = read(rig, {"kind": "delta", "path": "invoices"}).column("invoice")
    assert found == [f"F-{n:06d}" for n in range(70_000) if n not in gone]


def test_a_deletion_vector_counts_where_the_protocol_does_not_name_it(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    edit_log(rig, "add", deletionVector=deletion_vector(1))
    assert read(rig, source).extract.rows == {"invoices": 2}


@pytest.mark.parametrize("fault", ["gone", "flipped", "cut", "of a kind that nobody knows"])
def test_rows_are_never_read_as_if_nothing_were_deleted(rig: Rig, fault: str) -> None:
    source = rig.put("invoices", INVOICES)
    vector = beside(rig, [1])
    place = next((rig.root / "invoices").glob("*.bin"))
    content = place.read_bytes()
    match fault:
        case "gone":
            place.unlink()
        case "flipped":
            place.write_bytes(content[:-6] + bytes([content[-6] ^ 1]) + content[-5:])
        case "cut":
            place.write_bytes(content[:20])
        case _:
            vector["storageType"] = "x"
    delete(rig, vector)
    error = refusal(rig, source)
    assert isinstance(error, RetryLater | AuthorMustFix) and error.next_step
    if fault in ("gone", "flipped"):
        assert "which rows are deleted is not known" in error.message and "APPLY (PURGE)" in error.next_step
        assert error.exit_code == 1


@pytest.mark.parametrize("log", ["commits", "a checkpoint"])
@pytest.mark.parametrize("kind", ["by its whole path", "upwards", "a link", "a pipe", "letters by number"])
def test_a_log_that_names_a_deletion_vector_elsewhere_is_refused(
    rig: Rig, kind: str, log: str, tmp_path: Path
) -> None:  # fmt: skip
    source = rig.put("invoices", INVOICES)
    vector = beside(rig, [1])
    place, outside = next((rig.root / "invoices").glob("*.bin")), tmp_path / f"deletion_vector_{UNIQUE}.bin"
    match kind:
        case "upwards":
            vector["pathOrInlineDv"] = "../" + vector["pathOrInlineDv"]
        case "a link":
            place.rename(outside)
            place.symlink_to(outside)
        case "a pipe":
            place.unlink()
            a_pipe(place)
        case _:
            vector = elsewhere(outside, [1])
    delete(rig, vector)
    if kind == "letters by number":
        last_log(rig).write_text(last_log(rig).read_text().replace('deletionVector"', 'deletionVec\\u0074or"'))
    if log == "a checkpoint":
        DeltaTable(rig.root / "invoices").create_checkpoint()
        last_log(rig).unlink()
    error = refusal(rig, source)
    assert isinstance(error, AuthorMustFix) and "outside of the table's folder" in error.message


def a_pipe(place: Path) -> None:
    """A pipe into which somebody writes nothing and goes: whoever reads it all the same does not wait for ever."""
    os.mkfifo(place)
    Thread(target=lambda: place.open("wb").close(), daemon=True).start()


def test_a_pipe_in_the_log_is_not_waited_for(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    a_pipe(rig.root / "invoices" / "_delta_log" / "00000000000000000001.json")
    assert "outside of the table's folder" in refusal(rig, source).message


@pytest.mark.parametrize("mode", ["name", "id"])
def test_renamed_columns_partitions_among_them_are_found_and_deleted_rows_stay_deleted(rig: Rig, mode: str) -> None:
    """The files have `col-1`, …; the log says which column that is."""
    names = list(INVOICES.columns)
    written = frame(INVOICES).rename({name: f"col-{n}" for n, name in enumerate(names)})
    write_deltalake(rig.root / "invoices", written, partition_by=["col-0"])
    edit_log(rig, "protocol", minReaderVersion=3, minWriterVersion=7, readerFeatures=BOTH, writerFeatures=BOTH)
    rename(rig, names, mode)
    edit_log(rig, "add", deletionVector=deletion_vector(0))
    found = read(rig, {"kind": "delta", "path": "invoices"})
    assert [(row["legal_entity"], row["invoice"]) for row in found.rows] == [("usmf", "F-2")]
    assert found.rows[0]["amount"] == INVOICES.rows[1][6]


def rename(rig: Rig, names: Sequence[str], mode: str) -> None:
    """Give the columns of the log's newest schema names, and say that the files have others."""
    (said,) = [
        each["metaData"] for line in last_log(rig).read_text().splitlines() if "metaData" in (each := json.loads(line))
    ]
    schema = json.loads(said["schemaString"])
    for number, (found, name) in enumerate(zip(schema["fields"], names, strict=True), 1):
        physical = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": found["name"]}
        found |= {"name": name, "metadata": physical}
    mapped = {"delta.columnMapping.mode": mode, "delta.columnMapping.maxColumnId": str(len(names))}
    edit_log(
        rig, "metaData", schemaString=json.dumps(schema), configuration=mapped, partitionColumns=[names[0]]
    )  # fmt: skip


def test_a_feature_that_nobody_knows_is_refused_by_its_name(rig: Rig) -> None:
    source = rig.put("invoices", INVOICES)
    names = {"readerFeatures": ["foldedRows"], "writerFeatures": ["foldedRows"]}
    edit_log(rig, "protocol", minReaderVersion=3, minWriterVersion=7, **names)
    error = refusal(rig, source)
    assert "uses what is not known here: foldedRows" in error.message and error.exit_code == 3
    assert "DROP FEATURE" in error.next_step
