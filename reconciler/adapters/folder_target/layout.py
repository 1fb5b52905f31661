"""The files of a folder target, as they are on disk: marker, deployment file, names. Parses; decides nothing.

ROOT/.reconciler-target.json                            the marker: whose target this is, newest generation
ROOT/MODEL -> .versions/MODEL/DIGEST-GENERATION         what is served
ROOT/.versions/MODEL/DIGEST-GENERATION/                 model.onnx, model-card.json, manifest.json, deployment.json
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from pydantic import Field, ValidationError

from reconciler.domain import oci
from reconciler.domain.errors import NeedsPerson
from reconciler.domain.names import NAME_PATTERN, Digest, Name, Version
from reconciler.domain.observed import Observed
from reconciler.domain.record import Kept

FORMAT_VERSION = 1
MARKER_FILE = ".reconciler-target.json"
DEPLOYMENT_FILE = "deployment.json"
VERSIONS = ".versions"
SET_ASIDE = ".set-aside"
LOCK = ".reconciler.lock"
SMALL = 1 << 20

_MODEL = re.compile(NAME_PATTERN)
_FOLDER = re.compile(r"[0-9a-f]{64}-[0-9]{1,18}(\.[0-9]{1,6})?")


class Marker(Kept):
    """Says that a folder is a target, of which environment, and the newest lease generation that wrote to it."""

    format_version: int
    environment: Name
    generation: int = Field(ge=0)


class DeploymentFile(Kept):
    """`deployment.json`: what the version folder beside it holds, and which ledger commit asked for it."""

    format_version: int
    model: Name
    version: Version
    digest: Digest
    ledger_commit: str | None = Field(pattern=r"^[0-9a-f]{40,64}$")
    generation: int = Field(ge=0)
    files: dict[str, Digest]

    def observed(self, detail: str = "") -> Observed:
        """The deployment as a target reports it; a detail says why its bytes are not intact."""
        return Observed(
            model=self.model,
            version=self.version,
            digest=self.digest,
            generation=self.generation,
            ledger_commit=self.ledger_commit,
            intact=not detail,
            detail=detail,
        )


def is_model(name: str) -> bool:
    """True for the name of a model: no separator, no leading dot or dash, at most 63 characters."""
    return _MODEL.fullmatch(name) is not None


def checked_model(name: str) -> str:
    """The name, if it is one of a model. Raises NeedsPerson: names come from files, and become paths here."""
    if not is_model(name):
        raise NeedsPerson(f"not a name of a model: {name[:80]!r}", next_step="check the release and the ledger")
    return name


def linked_folder(model: str, link: str) -> str | None:
    """The version folder that a model's symlink names; None where it points anywhere else."""
    parts = link.split("/")
    if len(parts) == 3 and parts[:2] == [VERSIONS, model] and _FOLDER.fullmatch(parts[2]):
        return parts[2]
    return None


def parse(kind: type[Marker] | type[DeploymentFile], content: bytes) -> Marker | DeploymentFile:
    """Read a marker or a deployment file. Raises ValueError that says what is wrong, in one line."""
    document = oci.load_json(content)
    if not isinstance(document, dict) or type(document.get("format_version")) is not int:
        raise ValueError("it is not a file of this project")
    if document["format_version"] > FORMAT_VERSION:
        raise ValueError(f"it has format {document['format_version']}, newer than this reconciler: upgrade it")
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise ValueError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None


def dump(value: Kept) -> bytes:
    """A marker or a deployment file as bytes; equal values give equal bytes."""
    return (json.dumps(value.model_dump(mode="json"), indent=2, sort_keys=True) + "\n").encode()


def marking_line(root: Path, environment: str) -> str:
    """The shell line with which a person makes a folder without a marker the target of an environment."""
    marker = Marker(format_version=FORMAT_VERSION, environment=environment, generation=0)
    text = json.dumps(marker.model_dump(mode="json"), sort_keys=True)
    folder, file = shlex.quote(str(root)), shlex.quote(str(root / MARKER_FILE))
    return f"mkdir -p {folder} && echo {shlex.quote(text)} > {file}"
