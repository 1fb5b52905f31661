"""JSON Schema (draft 2020-12) of the three kinds, made from the models that validate them.

What validation refuses the schema does not offer: empty values, and what the format allows but this release does
not do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import KINDS
from reconciler.domain.problems import close_to
from reconciler.usecases.house import House
from reconciler.usecases.schema_words import ABOUT, NOT_BUILT

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(kind: str) -> dict[str, Any]:
    """The schema of one kind. Raises AuthorMustFix for a kind that is none."""
    model = KINDS.get(kind)
    if model is None:
        raise AuthorMustFix(f"there is no kind {kind}", next_step=close_to(kind, KINDS))
    made = model.model_json_schema(by_alias=True, mode="validation")
    for name, part in {kind: made, **made.get("$defs", {})}.items():
        _describe(name, part)
    # An empty value is refused everywhere but among the parameters, where null means the estimator's own default.
    return {"$schema": DIALECT, "$id": f"urn:reconciler:v1alpha1:{kind}", **_without_null(made)}


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of every kind, by kind."""
    return {kind: schema(kind) for kind in KINDS}


def schema_text(document: Mapping[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write_schemas(house: House, folder: Path, kinds: Mapping[str, Mapping[str, Any]]) -> list[Path]:
    """Write KIND.json of each kind into a folder; gives the paths."""
    paths = []
    for kind, document in kinds.items():
        house.files.replace(folder / f"{kind}.json", schema_text(document).encode())
        paths.append(folder / f"{kind}.json")
    return paths


def _describe(name: str, part: dict[str, Any]) -> None:
    properties = part.get("properties", {})
    for key in NOT_BUILT.get(name, ()):
        properties.pop(key, None)
    for key, value in properties.items():
        text = ABOUT.get(f"{name}.{key}")
        if text:
            value["description"] = text
    evidence = properties.get("evidence") if name == "Policy" else None
    for choice in evidence.get("anyOf", []) if evidence else []:
        if "enum" in choice:
            choice["enum"].remove("forge")


def _without_null(value: Any, key: str = "") -> Any:
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    if not isinstance(value, dict):
        return value
    if key != "additionalProperties" and {"type": "null"} in value.get("anyOf", ()):
        rest = [item for item in value["anyOf"] if item != {"type": "null"}]
        others = {k: v for k, v in value.items() if k != "anyOf" and not (k == "default" and v is None)}
        value = {**others, **rest[0]} if len(rest) == 1 else {**others, "anyOf": rest}
    return {k: _without_null(item, k) for k, item in value.items()}
