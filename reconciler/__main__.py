"""The composition root: builds the adapters and hands them to the command line. Nothing else does."""

from __future__ import annotations

import os
import sys

try:
    import gc
    import io
    import signal
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import contextmanager
    from dataclasses import dataclass, field, replace
    from datetime import UTC, datetime
    from functools import cache, cached_property
    from pathlib import Path
    from typing import TYPE_CHECKING, Any, TypeVar, cast

    from reconciler.cli.root import make_root, run
    from reconciler.cli.session import Session
    from reconciler.domain.errors import NeedsPerson
except KeyboardInterrupt:  # a Ctrl-C before anything has begun: importing takes a tenth of a second
    os.write(2, b"interrupted: nothing was begun\n")
    os._exit(1)

if TYPE_CHECKING:
    from reconciler.adapters.box import BoxedTrainer
    from reconciler.adapters.git import Refs, Repository
    from reconciler.adapters.oci_registry import RegistrySnapshots
    from reconciler.adapters.snapshots import FolderSnapshots
    from reconciler.adapters.sources import Access
    from reconciler.domain.manifests import FolderTarget
    from reconciler.domain.observed import Finding
    from reconciler.domain.task import TaskSpec
    from reconciler.ports import (
        ArtifactStore,
        Branches,
        Clock,
        DataSource,
        Lease,
        ManifestEditor,
        Progress,
        Scorer,
        SnapshotStore,
        Target,
        Trainer,
    )
    from reconciler.usecases.house import House
    from reconciler.usecases.init import Doorstep

T = TypeVar("T")


class SystemClock:
    """The present, in UTC, to the second: what receipts are stamped with."""

    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)


def build(session: Session) -> House:
    """The house of the repository that `-C` names."""
    from reconciler.adapters.git import Repository

    return furnish(Repository.discover(session.directory.absolute()), os.environ)


def furnish(
    repository: Repository,
    environment: Mapping[str, str],
    *,
    trainer: Trainer | None = None,
    clock: Clock | None = None,
) -> House:
    """Every adapter of one repository, for one run. `environment`: what CI and the user say (variables).

    `trainer` and `clock` stand in for the box and the present."""
    from reconciler.adapters.git import GitHistory, GitLedger, GitTrees
    from reconciler.adapters.manifests import Files, Manifests
    from reconciler.usecases.house import House

    rooms = _Rooms(repository, environment, clock or SystemClock())
    box = _later(_box)
    return House(
        root=rooms.root,
        source=Manifests(GitTrees(repository), rooms.kept),
        history=GitHistory(repository, rooms.refs),
        branches=_later(rooms.branches),
        ledger=GitLedger(repository, rooms.refs),
        lease=_later(rooms.lease),
        editor=_later(_editor),
        files=Files(),
        data=_later(rooms.data),
        trainer=trainer or box,
        clock=rooms.clock,
        tasks=_Tasks(),
        open_store=rooms.open_store,
        open_snapshots=rooms.open_snapshots,
        open_target=rooms.open_target,
        scratch=_scratch,
        unpack=_unpack,
        scorer=_later(_scorer),
        identify=lambda: rooms.who,
        run_url=rooms.run_url,
        looks=_looks(box),
    )


@dataclass(frozen=True)
class _Rooms:
    """What the adapters of one repository share, and those that few commands ask for."""

    repository: Repository
    environment: Mapping[str, str]
    clock: Clock
    registries: dict[str, RegistrySnapshots] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.repository.main_worktree

    @property
    def kept(self) -> Path:
        """Where what may be lost is kept: caches, and what targets were found to be."""
        return self.repository.common_dir / "reconciler"

    @property
    def run_url(self) -> str | None:
        return _run_url(self.environment)

    @cached_property
    def refs(self) -> Refs:
        from reconciler.adapters.git import Refs

        return Refs(self.repository)

    @cached_property
    def who(self) -> str:
        return _who(self.repository, self.environment)

    def lease(self) -> Lease:
        from reconciler.adapters.git.lease import GitLease, Holder

        holder = Holder.present(self.who, os.getpid(), self.run_url)
        return GitLease(self.repository, holder, self.clock, refs=self.refs)

    def branches(self) -> Branches:
        from reconciler.adapters.git.branches import GitBranches

        return GitBranches(self.repository, self.refs, now=self.clock.now)

    def open_store(self, path: str) -> ArtifactStore:
        from reconciler.adapters.oci_layout import OciLayout

        return OciLayout(self.root / path)

    def open_target(self, name: str, target: FolderTarget) -> Target:
        from reconciler.adapters.folder_target import FolderTarget as TargetFolder

        return TargetFolder(self.root / target.path, name, self.kept)

    def open_snapshots(self, place: str, progress: Progress) -> SnapshotStore:
        """A folder, or a repository of a registry, by way of a folder here."""
        from reconciler.domain.registry import is_registry

        if is_registry(place):
            return self._registry(place).telling(progress)
        return _snapshots(self.root / place, progress)

    def _registry(self, place: str) -> RegistrySnapshots:
        """One client for all that is asked of a repository."""
        if place not in self.registries:
            from hashlib import sha256

            from reconciler.adapters.oci_registry import Runner, open_snapshots
            from reconciler.domain.registry import read_place

            allowed = self._access().allowed
            runner = Runner(self.environment, allowed.check_host, allowed.check_repository)
            copy = self.kept / "snapshots" / sha256(place.encode()).hexdigest()[:16]
            self.registries[place] = open_snapshots(read_place(place), runner, copy, open_local=_snapshots)
        return self.registries[place]

    def data(self) -> DataSource:
        from reconciler.adapters.sources import Masked, Sources
        from reconciler.tasks.customer_payment.spec import SPEC

        access = self._access()
        return Masked(Sources(access, SPEC), SPEC, access.secret)

    def _access(self) -> Access:
        """The folders and hosts that the runner lets us ask, and the credentials that it has."""
        from reconciler.adapters.sources import Access, allowed_by, secrets_of

        said = self.environment.get("RECONCILER_DATA_ALLOW"), self.repository.settings.get("reconciler.dataallow", [])
        return Access(self.root, allowed_by(self.root, *said), secrets_of(self.environment))


# --- what few commands need: built, and its modules loaded, at the first question -----------------------------


class _Later:
    """Stands for what `make` gives, and asks for it once."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


def _later(make: Callable[[], T]) -> T:
    return cast(T, _Later(make))


class _Tasks(Mapping[str, "TaskSpec"]):
    """The tasks that there are, by name: their modules are loaded at the first question."""

    def __getitem__(self, name: str) -> TaskSpec:
        return tasks()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(tasks())

    def __len__(self) -> int:
        return len(tasks())


def _box() -> BoxedTrainer:
    from reconciler.adapters.box import BoxedTrainer

    return BoxedTrainer()


def _editor() -> ManifestEditor:
    from reconciler.adapters.manifests.editor import Editor

    return Editor()


def _scorer() -> Scorer:
    from reconciler.scoring.scorer import OnnxScorer

    return OnnxScorer()


def _snapshots(folder: Path, progress: Progress) -> FolderSnapshots:
    from reconciler.adapters.snapshots import FolderSnapshots

    return FolderSnapshots(folder, progress)


@contextmanager
def _scratch() -> Iterator[SnapshotStore]:
    from reconciler.tools.files import passing_folder

    with passing_folder("scratch") as folder:
        yield _snapshots(folder, lambda _label, _done, _total: None)


@contextmanager
def _unpack(files: Mapping[str, bytes]) -> Iterator[Path]:
    from reconciler.tools.files import passing_folder

    with passing_folder("scratch") as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        yield folder


def _who(repository: Repository, environment: Mapping[str, str]) -> str:
    """Who is recorded: the CI actor where there is one, else the user as git knows him."""
    actor = environment.get("GITHUB_ACTOR") or environment.get("GITLAB_USER_LOGIN")
    if actor:
        return f"ci:{actor}"[:200]
    try:
        return repository.identity("COMMITTER")
    except NeedsPerson:
        return environment.get("USER") or "unknown"


def _run_url(environment: Mapping[str, str]) -> str | None:
    """The page of this CI run, so that the same run, started again, takes over its own lease."""
    if environment.get("CI_JOB_URL"):
        return environment["CI_JOB_URL"]
    server, repository = environment.get("GITHUB_SERVER_URL"), environment.get("GITHUB_REPOSITORY")
    run_id = environment.get("GITHUB_RUN_ID")
    return f"{server}/{repository}/actions/runs/{run_id}" if server and repository and run_id else None


def _looks(trainer: BoxedTrainer) -> tuple[Callable[[], Finding], ...]:
    """What `doctor` looks at on this machine, each loaded when it is asked."""

    def git() -> Finding:
        from reconciler.adapters.git.looks import look_at_git

        return look_at_git()

    def signatures() -> Finding:
        from reconciler.adapters.git.looks import look_at_signatures

        return look_at_signatures()

    def box() -> Finding:
        from reconciler.adapters.box.looks import look_at_the_box

        return look_at_the_box(trainer)

    return git, signatures, box


def open_doorstep(session: Session) -> Doorstep:
    """What `init` needs before there is a repository."""
    from reconciler.adapters.beginnings import GitBeginnings
    from reconciler.adapters.sources import Look, Tries, secrets_of
    from reconciler.tasks.customer_payment.example import generate
    from reconciler.usecases.init import Doorstep

    def open_house(folder: Path) -> House:
        return build(replace(session, directory=folder))

    secret = secrets_of(os.environ)
    look, trials = Look(secret), Tries(secret, tasks()["customer-payment"])
    return Doorstep(look, trials, GitBeginnings(), generate, open_house, _looks(_later(_box)))


@cache
def tasks() -> Mapping[str, TaskSpec]:
    """The tasks that there are, by name; light."""
    from reconciler.tasks.customer_payment.spec import SPEC

    return {SPEC.name: SPEC}


def main() -> None:
    """Run the command line and exit with its code. What a terminal's encoding lacks is shown as an escape."""
    try:
        code = _main()
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # what comes now ends an end, and needs no traceback
    except KeyboardInterrupt:  # outside of the command itself, which tells of its own
        os.write(2, b"interrupted\n")
        code = 1
    sys.exit(code)


def _main() -> int:
    # A command lives shortly and keeps most of what it makes: thousands of records are no reason to look for garbage.
    gc.set_threshold(1_000_000, 50, 50)
    # Looking for plugins of pydantic costs 8 ms, and a plugin could change what validation accepts.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = run(make_root(build, open_doorstep, tasks))
    try:
        sys.stdout.flush()
    except OSError:  # told already; what is left in the buffer must not be tried again while Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or 1
    gc.freeze()  # what is left is given back at once: looking through it for garbage first takes Python 50 ms
    return code


if __name__ == "__main__":
    main()
