"""The company whose applies are killed: one repository or a bare remote, two environments with a store each.

Everything outside of git (data, stores, snapshots, targets, the trace of trainings) lies in `live/outside`, at
absolute paths, so that a copy of `live` put back in its place is the same world again.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from reconciler.__main__ import furnish
from reconciler.adapters.box import BoxedTrainer
from reconciler.adapters.git import Repository
from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.domain.jobs import Job, TrainJob
from reconciler.ports import BoxRules, Progress, Ran, Trainer
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.testing import FakeTrainer
from reconciler.usecases.apply import Applied, apply
from reconciler.usecases.house import House
from reconciler.usecases.refresh import refresh
from reconciler.usecases.survey import Ask
from tests.support.repositories import Repo, Workbench
from tests.support.shop import SHOP

MODEL = "payment-prediction"
AS_OF = date(2025, 12, 31)


@dataclass
class TickingClock:
    """One second passes with each look: runs of the same steps see the same times, and no two looks are equal."""

    at: datetime

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass(frozen=True)
class TracingTrainer:
    """A trainer that leaves a line in a file for each training that it begins: its fingerprint."""

    inner: Trainer
    trace: Path

    @contextmanager
    def run(self, job: Job, rules: BoxRules, progress: Progress) -> Iterator[Ran]:
        if isinstance(job, TrainJob):
            with self.trace.open("a") as stream:
                stream.write(f"{job.fingerprint}\n")
        with self.inner.run(job, rules, progress) as ran:
            yield ran

    def lock_digest(self) -> str:
        return self.inner.lock_digest()


class Unhashed(FolderSnapshots):
    """Snapshots whose rows are not hashed at each reading: their files are compared byte for byte in the end."""

    def folder(self, digest: str) -> Path:
        return self.store / self.manifest(digest).digest.removeprefix("sha256:")


@dataclass
class Company:
    """A world below `live`, with a bare remote and a runner's clone of depth 1 if `remote`. `real`: trained in the
    box, on 400 invoices, and without gates, for which nothing is judged."""

    live: Path
    remote: bool = False
    real: bool = False
    clock: TickingClock = field(default_factory=lambda: TickingClock(datetime(2026, 3, 1, tzinfo=UTC)))
    runner_name: str = "clone"

    @property
    def outside(self) -> Path:
        return self.live / "outside"

    @property
    def trace(self) -> Path:
        return self.outside / "trace"

    @property
    def work(self) -> Repo:
        """Where people work; without a remote also where apply runs."""
        return Repo(self.live / "work")

    @property
    def truth(self) -> Repo:
        """The repository whose refs count."""
        return Repo(self.live / "origin.git") if self.remote else self.work

    @property
    def runner(self) -> Path:
        """Where apply runs."""
        return self.live / self.runner_name if self.remote else self.work.path

    # --- people ----------------------------------------------------------------------------------------

    def found(self) -> None:
        """The repository with sandbox pinned to 1.0.0, and the data; nothing is refreshed."""
        (self.outside / "data").mkdir(parents=True)
        self.write_data(400 if self.real else 72)
        bench = Workbench(self.live)
        work = bench.repository()
        work.merge(self._files(), "Begin")
        if self.remote:
            bench.bare(of=work)
            self.clone()

    def write_data(self, rows: int) -> None:
        """So many invoices in production's file; more rows are newer ones."""
        (self.outside / "data" / "invoices.csv").write_text(invoices(rows))

    def move_to_database(self, rows: int) -> None:
        """So many invoices in a database file, and a merged change of production's file that reads them there."""
        place = self.outside / "data" / "erp.db"
        header, *lines = (line.split(",") for line in invoices(rows).splitlines())
        with closing(sqlite3.connect(place, isolation_level=None)) as database:
            database.execute(f"CREATE TABLE invoices ({', '.join(f'{name} TEXT' for name in header)})")
            marks = ", ".join("?" * len(header))
            database.executemany(f"INSERT INTO invoices VALUES ({marks})", lines)  # noqa: S608
        path = "environments/production.yaml"
        written = self._files()[path]
        source = re.sub(
            r"\{kind: csv, path: .*\}", f'{{kind: sql, url: "sqlite:///{place}", table: invoices}}', written
        )
        self.merge({path: source})

    def merge(self, files: Mapping[str, str | bytes | None]) -> None:
        """A merged pull request."""
        self.work.merge(files)
        if self.remote:
            self.work.push()

    def pin(self, environment: str, version: str | None) -> None:
        """A merged pin: in production with its digest; None is withdrawn."""
        if version is None:
            pin = "{state: withdrawn}"
        elif environment == "production":
            pin = f'{{version: {version}, digest: "{self.digest(version)}"}}'
        else:
            pin = f"{{version: {version}}}"
        text = SHOP["manifests/releases/sandbox.yaml"].replace("name: sandbox", f"name: {environment}")
        self.merge({f"manifests/releases/{environment}.yaml": text.replace("{version: 1.0.0}", pin)})

    def add(self, version: str) -> None:
        """A merged ModelVersion: 1.0.0 with another seed."""
        first = SHOP[f"manifests/models/{MODEL}/1.0.0.yaml"]
        text = first.replace("version: 1.0.0", f"version: {version}").replace("seed: 7", "seed: 8")
        self.merge({f"manifests/models/{MODEL}/{version}.yaml": text})

    def damage(self) -> None:
        """Somebody changes what both targets serve: a byte of one, the symlink of the other."""
        model = self.outside / "targets" / "sandbox" / MODEL / "model.onnx"
        content = model.read_bytes()
        model.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        (self.outside / "targets" / "production" / MODEL).unlink()

    def digest(self, version: str) -> str:
        """The digest of a trained version."""
        with self.house() as house:
            house.history.fetch()
            return house.ledger.read("sandbox").record.artifacts[MODEL][version].digest or ""

    # --- machines --------------------------------------------------------------------------------------

    @contextmanager
    def house(self, *, hashed: bool = False, boxed: bool = True) -> Iterator[House]:
        """The house of the runner's repository, as `__main__` builds it but for the trainer and the clock, and,
        unless `hashed`, for the snapshots."""
        inner: Trainer = BoxedTrainer() if self.real and boxed else FakeTrainer(task_revision=SPEC.revision)
        variables = {"RECONCILER_DATA_ALLOW": str(self.outside / "data")}
        with Repository.discover(self.runner) as repository:
            house = furnish(repository, variables, trainer=TracingTrainer(inner, self.trace), clock=self.clock)
            if not hashed and not self.real:
                house = replace(house, open_snapshots=lambda path, _progress: Unhashed(house.root / path))
            yield house

    def apply(self) -> Applied:
        """What CI runs."""
        with self.house() as house:
            return apply(house, Ask())

    def refresh(self) -> None:
        """A fresh copy of production's data in the sandbox."""
        with self.house(hashed=True) as house:
            refresh(house, "sandbox", as_of=AS_OF)

    def clone(self) -> None:
        """The runner's clone: of depth 1, of main alone, nothing else fetched."""
        Workbench(self.live).clone(self.truth, self.runner_name, depth=1)

    # --- what there is ---------------------------------------------------------------------------------

    def stored(self) -> set[str]:
        """The fingerprints under which the training environment's store has an artifact."""
        index = self.outside / "store" / "index.json"
        entries = json.loads(index.read_bytes())["manifests"] if index.exists() else []
        tags = [entry["annotations"].get("org.opencontainers.image.ref.name", "") for entry in entries]
        return {"sha256:" + tag.removeprefix("fp-") for tag in tags if tag}

    def trained(self) -> list[str]:
        """The fingerprints of every training that was begun, in order."""
        return self.trace.read_text().split() if self.trace.exists() else []

    def _files(self) -> dict[str, str]:
        files = dict(SHOP)
        for name, store in (("sandbox", "store"), ("production", "production-store")):
            path = f"environments/{name}.yaml"
            text = files[path].replace("data/invoices.csv", str(self.outside / "data" / "invoices.csv"))
            text = text.replace(f".reconciler/targets/{name}", str(self.outside / "targets" / name))
            files[path] = text + f"  artifacts: {self.outside / store}\n"
        path = "environments/sandbox.yaml"
        files[path] += f"  snapshots: {self.outside / 'snapshots'}\n"
        if self.real:
            files[path] = files[path].replace("isolation: best-effort", "isolation: required")
            ungated = files["environments/production.yaml"].replace("  gates:\n", "  gates: []\n")
            files["environments/production.yaml"] = re.sub(r"    - \{kind: .*\n", "", ungated)
        return files


def invoices(rows: int) -> str:
    """Receivables of five customers who pay on time, late and very late; the newest come last."""
    lines = ["Invoice,Customer,Date,Due,Settled,Amount,Country"]
    for number in range(rows):
        made = AS_OF - timedelta(days=620 - (number * 607 // 400 if rows > 200 else number * 10 // 3))
        due = made + timedelta(days=30)
        settled = due + timedelta(days=(-3, -1, 4, 12, 45)[(number * 3 + number // 5) % 5])
        paid = settled.isoformat() if settled <= AS_OF else ""
        amount = 100 + (number * 37) % 900
        lines.append(f"I-{number:04d},C-{number % 5},{made},{due},{paid},{amount}.50,DE")
    return "\n".join(lines) + "\n"
