"""What the format allows and this release does not do: refused by name and place, never ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.adapters.manifests.nodes import Path

SOURCE_KINDS = ("json", "sqlserver", "duckdb", "http")
_INSTEAD = {"sqlserver": "write sql, with a url that begins with mssql+pymssql://", "duckdb": "write parquet or csv"}
_PLACES = {
    "artifacts": "a folder, such as .reconciler/store",
    "snapshots": "a folder, such as .reconciler/snapshots, or oci://HOST/REPOSITORY",
}
TARGET_KINDS = ("oci", "http", "kserve", "mlflow", "s3")

Refusal = tuple[Path, str, str]


def unbuilt(document: Any) -> Iterator[Refusal]:
    """(path, summary, fix) of each thing in an Environment document that is not built yet. Bears any shape."""
    spec = _mapping(document, "spec")
    yield from _policy(_mapping(spec, "policy"))
    for key, instead in _PLACES.items():
        text = spec.get(key)
        if isinstance(text, str) and "://" in text and not (key == "snapshots" and text.startswith("oci://")):
            yield ("spec", key), f"{text.partition('://')[0][:20]}:// is not built yet", f"name {instead}"
    data = _mapping(spec, "data")
    for table in ("invoices", "customers", "settlements"):
        yield from _source(table, _mapping(_mapping(data, table), "source"))
    kind = _mapping(spec, "target").get("kind")
    if kind in TARGET_KINDS:
        yield ("spec", "target", "kind"), f"a target of kind {kind} is not built yet", "write folder"


def _policy(policy: dict[str, Any]) -> Iterator[Refusal]:
    if policy.get("evidence") == "forge":
        yield (
            ("spec", "policy", "evidence"),
            "evidence: forge is not built yet",
            "write signed, merge or none",
        )
    instead = {
        "approvals": "evidence: signed asks for one allowed signer; take the key out",
        "approvers": "the principals of the allowed signers are the approvers; take the key out",
        "soak": "take the key out",
        "freeze": "take the key out; a pin's hold stops one model",
    }
    for key, fix in instead.items():
        if key in policy:
            yield ("spec", "policy", key), f"{key} is not built yet", fix


def _source(table: str, source: dict[str, Any]) -> Iterator[Refusal]:
    kind, path = source.get("kind"), source.get("path")
    where: Path = ("spec", "data", table, "source")
    if isinstance(kind, str) and kind.lower() in SOURCE_KINDS:
        yield (
            (*where, "kind"),
            f"a source of kind {kind.lower()} is not built yet",
            _INSTEAD.get(kind.lower(), "write csv"),
        )
    if isinstance(path, str) and "://" in path:
        yield (*where, "path"), "a URL is not a data source", "name a file that is on this machine"


def _mapping(value: Any, key: str) -> dict[str, Any]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}
