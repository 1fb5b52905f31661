"""A company as its people and machines see it: real git, ledgers, leases, store, snapshots, targets and manifests.

    company = Company.found(tmp_path, "remote")        # or "local": one repository, no remote
    company.merge(version("1.0.0") | company.release("sandbox", "{version: 1.0.0}"))     # a pull request
    assert company.apply() == ["adopt production", "train sandbox 1.0.0", …]             # what CI runs
    company.promote()                                  # `promote`, then the merge of its branch
    company.settled()                                  # nothing is left to do, and all is well

The command line runs in this process, over `furnish`. With a remote every command that writes runs in a fresh clone
of depth 1 of main, like a CI runner; store, snapshots and targets are at absolute paths outside; people work at the
desk, a whole clone. Training is a stand-in, time a clock that stands.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

from reconciler.__main__ import furnish, open_doorstep
from reconciler.adapters.git import Repository
from reconciler.cli.root import make_root, run
from reconciler.cli.session import Session
from reconciler.ports import Clock, Trainer
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.testing import FakeClock, FakeTrainer
from reconciler.usecases.house import House
from tests.support.receivables_yaml import MODEL, Texts, document, invoices, specs, version
from tests.support.repositories import ALICE, Key, Person, Repo, Workbench

Where = Literal["local", "remote"]
RELEASES = "manifests/releases"
_READS = frozenset({"plan", "status", "history", "show", "diff", "drift", "verify", "predict", "validate"})


@dataclass(frozen=True)
class Ended:
    """A command that ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def stand_in() -> FakeTrainer:
    """The stand-in for the box, whose cards are of the task as it is."""
    return FakeTrainer(task_revision=SPEC.revision)


@dataclass
class Company:
    """One repository with its environments, people and runners. `trainer` None: the real box."""

    folder: Path
    desk: Repo
    origin: Repo | None
    specs: dict[str, dict[str, Any]]
    clock: Clock = field(default_factory=FakeClock)
    trainer: Trainer | None = field(default_factory=stand_in)
    environment: dict[str, str] = field(default_factory=dict)
    clones: int = 0

    @classmethod
    def found(
        cls,
        folder: Path,
        where: Where,
        *,
        sandbox: Mapping[str, Any] | None = None,
        production: Mapping[str, Any] | None = None,
        staging: Mapping[str, Any] | None = None,
        files: Texts | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Company:
        """A company whose sandbox has a first snapshot; nothing is pinned. Keyword arguments change the specs of
        its environments; with `staging` there are three in a chain. `variables` are its runners'; what they allow is
        allowed beside its folder."""
        bench = Workbench(folder)
        desk = bench.repository("desk", empty=True)
        base = ".reconciler" if where == "local" else str(folder / "machine")
        made = specs(base, str(folder / "data/invoices.csv"), three=staging is not None)
        for name, changes in (("sandbox", sandbox), ("staging", staging), ("production", production)):
            if name in made:
                made[name].update(changes or {})
        given = dict(variables or {})
        allowed = ":".join([str(folder), *filter(None, [given.pop("RECONCILER_DATA_ALLOW", "")])])
        company = cls(folder, desk, None, made, environment={"RECONCILER_DATA_ALLOW": allowed, **given})
        written: Texts = {}
        for name in made:
            written |= company.rules(name) | company.release(name, None)
        desk.commit(written | (files or {}), "Begin")
        company.origin = bench.bare("origin.git", desk) if where == "remote" else None
        company.sales(date(2026, 2, 28))
        company.run("data", "refresh", "sandbox")
        return company

    @property
    def box(self) -> FakeTrainer:
        """The stand-in for the box."""
        assert isinstance(self.trainer, FakeTrainer)
        return self.trainer

    # --- people -----------------------------------------------------------------------------------------

    def rules(self, name: str, **changes: Any) -> Texts:
        """An environment's file, with changes that stay."""
        self.specs[name].update(changes)
        return {f"environments/{name}.yaml": document("Environment", name, json.dumps(self.specs[name]))}

    def release(self, name: str, pin: str | None) -> Texts:
        """A release that pins the model with this text, such as `{version: 1.0.0}`; None: it pins nothing."""
        models = f"\n    {MODEL}: {pin}" if pin else "\n    {}"
        return {f"{RELEASES}/{name}.yaml": document("Release", name, f"\n  models:{models}")}

    def promoted(self, number: str, name: str = "production", *, also: str = "") -> Texts:
        """A release with the line that a promotion writes; `also` is more of the pin, such as `, hold: {…}`."""
        return self.release(name, f'{{version: {number}, digest: "{self.digest(number)}"{also}}}')

    def merge(self, files: Texts, message: str = "Merge a pull request", **how: Any) -> str:
        """A pull request: a branch with these files, merged into main."""
        commit = self.desk.merge(files, message, **how)
        self.push()
        return commit

    def commit(self, files: Texts, message: str = "Change main directly", *, sign: Key | None = None) -> str:
        """A direct commit to main."""
        commit = self.desk.commit(files, message, sign=sign)
        self.push()
        return commit

    def merge_branch(self, branch: str, *, by: Person = ALICE, sign: Key | None = None) -> str:
        """Merge a proposal, as an approved pull request would be."""
        if self.origin:
            self.desk.git("fetch", "-q", "origin", f"+refs/heads/{branch}:refs/heads/{branch}")
        commit = self.desk.merge_branch(branch, f"Merge {branch}", by=by, sign=sign)
        self.push()
        return commit

    def revert(self, merge: str) -> str:
        """`git revert -m 1` of a merge on a branch, merged like any other pull request."""
        self.desk.git("checkout", "-q", "-b", "undo")
        self.desk.git("revert", "--no-edit", "-m", "1", merge, at=self.desk.ticks.next())
        self.desk.git("checkout", "-q", "main")
        return self.merge_branch_here("undo")

    def merge_branch_here(self, branch: str) -> str:
        """Merge a branch of the desk, and push."""
        commit = self.desk.merge_branch(branch, f"Merge {branch}")
        self.desk.git("branch", "-q", "-D", branch)
        self.push()
        return commit

    def add(self, number: str, **recipe: Any) -> str:
        """A pull request that adds a version and pins it in the sandbox."""
        return self.merge(version(number, **recipe) | self.release("sandbox", f"{{version: {number}}}"))

    def promote(self, to: str = "production", *, sign: Key | None = None, number: str | None = None) -> str:
        """`promote`, and the merge of its branch."""
        self.run("promote", MODEL, "--to", to, *(["--version", number] if number else []))
        return self.merge_branch(f"reconciler/promote/{to}/{MODEL}", sign=sign)

    def in_production(self, *numbers: str) -> Company:
        """Versions that were added, applied, promoted and applied, one after the other."""
        for each in numbers:
            self.add(each)
            self.apply()
            self.promote()
            self.apply()
        return self

    def sales(self, until: date, *, count: int = 60) -> None:
        """Production's invoices as the books have them at a date."""
        self.books(invoices(until, count))

    def books(self, csv: str) -> None:
        """Production's invoices."""
        path = self.folder / "data/invoices.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(csv)

    def wait(self, **time: float) -> None:
        """Time passes."""
        assert isinstance(self.clock, FakeClock)
        self.clock.advance(timedelta(**time))

    def push(self, *, force: bool = False) -> None:
        """Send main to the remote, where there is one."""
        if self.origin:
            self.desk.push(force=force)

    # --- machines ---------------------------------------------------------------------------------------

    def runner(self) -> Repo:
        """A fresh clone of depth 1 of main alone; without a remote the one repository there is."""
        if self.origin is None:
            return self.desk
        self.clones += 1
        return Workbench(self.folder).clone(self.origin, f"runner-{self.clones}", depth=1)

    def place(self, command: str) -> Repo:
        """Where a command runs: reading ones at the desk, after `git fetch`, the others in a new runner."""
        if command in _READS and self.origin is not None:
            self.desk.git("fetch", "-q", "--prune", "origin")
        return self.desk if command in _READS else self.runner()

    def run(self, *argv: str, code: int = 0, at: Repo | None = None) -> Ended:
        """Run a command through the command line's entry; it must end with `code`."""
        where = at or self.place(argv[0])
        with ExitStack() as stack, redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:

            def build(session: Session) -> House:
                found = stack.enter_context(Repository.discover(session.directory.absolute()))
                return furnish(found, self.environment, trainer=self.trainer, clock=self.clock)

            ended = run(make_root(build, open_doorstep), ["-C", str(where.path), *argv])
        told = Ended(ended, out.getvalue(), err.getvalue())
        assert told.code == code, f"reconciler {' '.join(argv)} ended with {told.code}:\n{told.out}\n{told.err}"
        return told

    def apply(self, *argv: str, code: int = 0, at: Repo | None = None) -> list[str]:
        """`apply --yes`: what was done, each in a few words, in order."""
        applied = self.run("apply", "--yes", "-q", "-o", "json", *argv, code=code, at=at).json
        return [tell(done) for done in applied["done"]]

    def held(self, name: str = "production") -> list[tuple[str, str]]:
        """(reason, detail) of what the plan of main's tip holds in an environment."""
        found = self.run("plan", "-o", "json").json["held"]
        return [(held["reason"], held["detail"]) for held in found if held["environment"] == name]

    # --- what there is ----------------------------------------------------------------------------------

    def status(self, name: str = "production") -> dict[str, Any]:
        """What `status -o json` says of the model; empty where it is neither pinned nor recorded."""
        found: dict[str, Any] = self.run("status", "-o", "json").json["environments"][name]["models"]
        return dict(found.get(MODEL, {}))

    def serves(self, name: str = "production") -> str | None:
        """The version that an environment serves, by its ledger and by the bytes in its target; None for none."""
        deployed = self.file(f"deployments/{MODEL}.json", name) or {}
        folder = self.home / "targets" / name / MODEL
        if not deployed.get("digest"):
            assert not folder.exists()
            return None
        manifest = (folder / "manifest.json").read_bytes()
        assert "sha256:" + hashlib.sha256(manifest).hexdigest() == deployed["digest"]
        assert json.loads((folder / "model-card.json").read_bytes())["version"] == deployed["version"]
        return str(deployed["version"])

    def digest(self, number: str) -> str:
        """The digest of a trained version, by the sandbox's ledger."""
        return str(self.file(f"artifacts/{MODEL}/{number}.json", "sandbox")["digest"])

    def file(self, path: str, name: str) -> Any:
        """A file of the present tree of an environment's ledger; None where it is not there."""
        text = (self.origin or self.desk).git("show", f"refs/heads/ledger/{name}:{path}", check=False)
        return json.loads(text) if text else None

    def receipts(self, name: str = "production") -> list[str]:
        """An environment's receipts, oldest first, each in a few words."""
        entries = self.run("history", "-e", name, "-o", "json").json["entries"]
        return [tell(entry) for entry in reversed(entries)]

    @property
    def home(self) -> Path:
        """The folder with store, snapshots and targets."""
        return self.desk.path / ".reconciler" if self.origin is None else self.folder / "machine"

    def blob(self, digest: str) -> Path:
        """Where the store keeps the bytes of a digest."""
        return self.home / "store/blobs/sha256" / digest.removeprefix("sha256:")

    def refs(self) -> dict[str, str]:
        """Every ref of the repository that counts."""
        return (self.origin or self.desk).refs()

    def belongings(self) -> dict[str, tuple[int, int]]:
        """Every file of store, snapshots and targets with its size and time."""
        files = [path for path in self.home.rglob("*") if not path.is_dir()]
        return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in files}

    def settled(self) -> None:
        """Apply finds nothing to do and writes nothing, drift and verify have nothing to say, no lease is held and
        no lock file is left."""
        before = self.refs(), self.belongings()
        runner = self.runner()
        assert self.apply(at=runner) == []
        assert (self.refs(), self.belongings()) == before
        self.run("verify", at=runner)
        assert not any(lease["held"] for lease in self.run("lease", "list", "-o", "json", at=runner).json["leases"])
        assert (self.origin or self.desk).lock_files() == []


def tell(action: Mapping[str, Any]) -> str:
    """An action, or a receipt, in a few words: `deploy production 1.0.0`; ` failed` where it did."""
    of = action.get("for") or action.get("for_environment") or action["environment"]
    named = action.get("version") or (action.get("artifact") or {}).get("version") or ""
    failed = "failed" if action.get("outcome") == "failed" else ""
    return " ".join(filter(None, [action["action"], of, named, failed]))


def tamper(path: Path) -> None:
    """Flip a bit in the middle of a file that was meant to stay as it is."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
