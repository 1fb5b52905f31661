"""Repositories to measure on: everything as the program itself would have left it, so that a plan finds nothing to do.

Manifests are written directly; records, receipts, artifacts and targets go through the program's own types and
adapters. Only the chain of ledger commits is imported in one go by `git fast-import`: the same commits, without an
fsync for each. Three environments: sandbox, which trains, then staging, then production.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.__main__ import furnish
from reconciler.adapters.git import Repository
from reconciler.adapters.git.receipts import message_of
from reconciler.core.fold import fold
from reconciler.core.identity import digest_of, fingerprint, plain_recipe, recipe_digest
from reconciler.core.packaging import package
from reconciler.domain.observed import Observed
from reconciler.domain.receipts import AdoptReceipt, DeployReceipt, Receipt, RefreshReceipt, TrainReceipt
from reconciler.domain.record import Artifact, Evidence, Record, Rules, Snapshot
from reconciler.domain.source import Source
from reconciler.usecases.house import House

ENVIRONMENTS = ("sandbox", "staging", "production")
VERSION = "1.0.0"
BY = "Ann <ann@example.com>"
START = datetime(2026, 1, 1, tzinfo=UTC)
NO_EVIDENCE = Evidence(kind="none")

FILES = {"model.onnx": b"stands for a model\n" * 100, "model-card.json": b'{"stands": "for a card"}\n'}
_BLOBS = {digest_of(content): content for content in FILES.values()}
_SIZES = {name: (digest_of(content), len(content)) for name, content in FILES.items()}
SNAPSHOT = digest_of(b"a snapshot")

_VERSION_FILE = """\
apiVersion: reconciler/v1alpha1
kind: ModelVersion
metadata: {{name: {name}, version: {version}, owner: credit-and-collections}}
spec:
  task: customer-payment
  outcomes: {{lateAfterDays: 0, veryLateAfterDays: 30}}
  data:
    snapshot: latest
    trainingStartDate: 2024-01-01
    filters:
      - {{field: amount, op: ge, value: {least}}}
  features:
    include: [invoice, customer-history]
    exclude: [country]
  estimator: {{kind: hist-gradient-boosting, parameters: {{max_iter: 60, max_leaf_nodes: 4}}, seed: 7}}
"""
_ENVIRONMENT = """\
apiVersion: reconciler/v1alpha1
kind: Environment
metadata: {{name: {name}}}
spec:
{spec}  target: {{kind: folder, path: .reconciler/targets/{name}}}
"""
_SPECS = {
    "sandbox": "  data: {copyOf: production}\n  training: {isolation: required}\n",
    "staging": "  promotesFrom: sandbox\n  policy: {evidence: merge, requireDigest: true}\n",
    "production": """\
  promotesFrom: staging
  policy: {evidence: merge, requireDigest: true}
  gates: [{kind: beats-baselines}, {kind: deployed-below}]
  data:
    invoices:
      source: {kind: csv, path: data/invoices.csv}
      mapping: {invoice: id, customer: customer, invoice_date: invoiced, due_date: due, settled_date: settled,
        amount: amount, legal_entity: {constant: ONE}, country: {column: country, knownAt: invoice-date}}
""",
}


def model_name(number: int) -> str:
    """The name of the n-th model."""
    return f"model-{number:05d}"


def manifests(models: int, versions: int = 1) -> dict[str, bytes]:
    """Path → bytes of the models and the environments, without releases."""
    texts = {f"environments/{name}.yaml": _ENVIRONMENT.format(name=name, spec=_SPECS[name]) for name in ENVIRONMENTS}
    files = {path: text.encode() for path, text in texts.items()}
    return files | dict(version_file(number, patch) for number in range(models) for patch in range(versions))


def version_file(number: int, patch: int) -> tuple[str, bytes]:
    """Path and bytes of version 1.0.PATCH of the n-th model."""
    name, version = model_name(number), f"1.0.{patch}"
    text = _VERSION_FILE.format(name=name, version=version, least=number + patch)
    return f"manifests/models/{name}/{version}.yaml", text.encode()


@dataclass(frozen=True)
class Made:
    """One artifact: what the training environment's ledger has of it, and its bytes."""

    artifact: Artifact
    manifest: bytes
    blobs: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        return str(self.artifact.digest)


def settled(folder: Path, models: int, versions: int = 1) -> None:
    """A repository in `folder` where the first version of every model is trained, and deployed in all environments."""
    house, made, source = _pinned(folder, models, versions)
    store = house.open_store(".reconciler/store")
    for each in made.values():
        store.put(each.manifest, each.blobs, str(each.artifact.fingerprint))
    for environment in ENVIRONMENTS:
        receipts = list(_receipts(source, environment, made))
        commits = import_ledger(folder, environment, receipts)
        target = house.open_target(environment, source.environments[environment].environment.spec.target)
        for before, receipt in zip(commits, receipts[1:], strict=False):
            if isinstance(receipt, DeployReceipt):
                served = Observed(receipt.model, receipt.version, receipt.digest, receipt.generation, before)
                target.deploy(receipt.model, served, {**FILES, "manifest.json": made[receipt.model].manifest})


def with_history(folder: Path, receipts: int) -> str:
    """A repository whose production ledger has that many receipts of one model's deployments; the model's name."""
    _, made, source = _pinned(folder, 1, 1)
    adopt, deploy = _receipts(source, "production", made)
    again = (deploy.model_copy(update={"at": START + timedelta(minutes=number)}) for number in range(receipts))
    import_ledger(folder, "production", [adopt, *again])
    return model_name(0)


def _pinned(folder: Path, models: int, versions: int) -> tuple[House, dict[str, Made], Source]:
    """A repository with its manifests merged and nothing recorded yet, and the artifacts that fit its pins."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, {".gitignore": b".reconciler/\n", **manifests(models, versions)}, "Add models and environments")
    house = furnish(Repository.discover(folder), {})
    source = house.source.read("HEAD")
    made = {name: _made(source, name) for name in map(model_name, range(models))}
    commit(folder, _releases(made), "Pin every model in every environment")
    return house, made, house.source.read("HEAD")


def _made(source: Source, name: str) -> Made:
    spec = source.versions[name, VERSION].written_spec
    identity = recipe_digest(name, VERSION, spec)
    print_ = fingerprint(identity, SNAPSHOT, 1)
    packed = package(model=name, version=VERSION, fingerprint=print_, files=_SIZES)
    artifact = Artifact(
        model=name,
        version=VERSION,
        recipe_digest=identity,
        recipe=plain_recipe(spec),
        fingerprint=print_,
        digest=packed.digest,
        snapshot=SNAPSHOT,
        task_revision=1,
        trained_at=START,
    )
    return Made(artifact, packed.manifest, {packed.config_digest: packed.config, **_BLOBS})


def _releases(made: Mapping[str, Made]) -> dict[str, bytes]:
    return {f"manifests/releases/{name}.yaml": _release(name, made).encode() for name in ENVIRONMENTS}


def _release(environment: str, made: Mapping[str, Made]) -> str:
    lines = [f"apiVersion: reconciler/v1alpha1\nkind: Release\nmetadata: {{name: {environment}}}\nspec:\n  models:"]
    for name, each in made.items():
        digest = "" if environment == "sandbox" else f', digest: "{each.digest}"'
        lines.append(f"    {name}: {{version: {VERSION}{digest}}}")
    return "\n".join(lines) + "\n"


# --- ledgers ------------------------------------------------------------------------------------------------


def _receipts(source: Source, environment: str, made: Mapping[str, Made]) -> Iterator[Receipt]:
    """What apply and refresh would have written, oldest first."""
    said = {"environment": environment, "source_commit": source.commit, "by": BY}
    found = source.environments[environment]
    rules = Rules(
        source_commit=str(source.commit),
        environment_blob=found.blob,
        signers_blob=found.signers_blob,
        environment_text=found.text,
        signers_text=found.signers_text,
        evidence=NO_EVIDENCE,
        adopted_at=START,
    )
    yield AdoptReceipt(**said, at=START, rules=rules)
    if environment == "sandbox":
        copy = Snapshot(digest=SNAPSHOT, data_date="2025-12-31", taken_at=START, rows={}, copy_of="production")
        yield RefreshReceipt(**said, at=START, snapshot=copy)
    for number, each in enumerate(made.values(), 1):
        at = START + timedelta(minutes=number)
        if environment == "sandbox":
            yield TrainReceipt(**said, at=at, artifact=each.artifact)
        yield DeployReceipt(
            **said, at=at, model=each.artifact.model, version=VERSION, digest=each.digest, generation=1,
            pin_commit=source.commit, evidence=NO_EVIDENCE,
        )  # fmt: skip


def import_ledger(folder: Path, environment: str, receipts: Iterable[Receipt]) -> list[str]:
    """The ledger that these receipts leave, one commit for each; their ids, oldest first."""
    ref = f"refs/heads/ledger/{environment}"
    record = Record(environment=environment)
    stream = bytearray()
    for receipt in receipts:
        record = fold(record, receipt)
        stamp = f"{int(receipt.at.timestamp())} +0000"
        stream += f"commit {ref}\ncommitter {BY} {stamp}\n".encode() + _data(message_of(receipt).encode())
        for path, content in _touched(receipt, record).items():
            stream += f"M 100644 inline {path}\n".encode() + _data(content)
    git(folder, "fast-import", "--quiet", given=bytes(stream))
    return git(folder, "rev-list", "--reverse", ref).split()


def _touched(receipt: Receipt, record: Record) -> dict[str, bytes]:
    """The files of the record that a receipt may have changed."""
    match receipt:
        case DeployReceipt(model=model):
            part = {"deployments": {model: record.deployments[model]}, "artifacts": {}, "rules": [], "snapshots": []}
        case TrainReceipt(artifact=artifact):
            part = {"deployments": {}, "artifacts": {artifact.model: record.artifacts[artifact.model]}, "rules": []}
        case _:
            part = {}
    return record.model_copy(update=part).files()


# --- git ----------------------------------------------------------------------------------------------------


def git(folder: Path, *arguments: str, given: bytes | None = None) -> str:
    """What git said. Raises CalledProcessError."""
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgSign=false"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, input=given, capture_output=True, check=True)
    return done.stdout.decode().strip()


def commit(folder: Path, files: Mapping[str, bytes], subject: str) -> None:
    """Write files and commit them."""
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", subject)


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
