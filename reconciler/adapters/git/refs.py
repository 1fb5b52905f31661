"""Our refs: exact look-up, and moving them by compare-and-swap, here or on the remote where there is one.

With a remote its ref is the truth and the local one is not used; what is known of it is kept in a tracking ref.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from reconciler.adapters.git.failures import BROKEN_OFF, LOCKED, classify
from reconciler.adapters.git.locks import Locks
from reconciler.adapters.git.process import Done
from reconciler.adapters.git.repository import Repository
from reconciler.domain.errors import PlanAgain
from reconciler.tools.files import opened_folder

_WHOLE_HISTORY = 3600.0  # seconds that a fetch may take: it may bring years


class Refs:
    """The refs of one repository. `sleep` is for the half second that a left lock file is watched."""

    def __init__(self, repository: Repository, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._repository = repository
        folders = [repository.common_dir]
        if repository.remote_folder is not None:
            inside = repository.remote_folder / ".git"
            folders.append(inside if inside.is_dir() else repository.remote_folder)
        self._locks = [Locks(folder, sleep=sleep) for folder in folders]

    def value(self, ref: str) -> str | None:
        """The id that the full name `ref` has here; None where there is no such ref."""
        done = self._repository.git.attempt("show-ref", "--verify", "--hash", "--end-of-options", ref)
        return done.out.decode("ascii").strip() if done.code == 0 else None

    def known(self, ref: str) -> str | None:
        """The value that counts for `ref`, as far as known without asking the remote."""
        return self.value(self._repository.read_from(ref))

    def all_known(self, refs: Sequence[str]) -> dict[str, str]:
        """`known` of many by one process: those that there are, by the names asked for."""
        read_from = {ref: self._repository.read_from(ref) for ref in refs}
        found = self.listing(*read_from.values()) if refs else {}
        return {ref: found[here] for ref, here in read_from.items() if here in found}

    def listing(self, *prefixes: str) -> dict[str, str]:
        """Full name → id of every ref here that has one of these names or is below it."""
        words = ("for-each-ref", "--format=%(refname) %(objectname)", "--end-of-options", *prefixes)
        out = self._repository.git.run(*words)
        rows = (row.split(" ") for row in out.decode("utf-8", "surrogateescape").split("\n")[:-1])
        return {row[0]: row[1] for row in rows}

    def move(self, ref: str, new: str, old: str | None) -> None:
        """Set `ref` from `old` (None: it must not exist) to `new`, durably, on the remote where there is one.
        Raises PlanAgain where it has another value, RetryLater where the remote or the disk cannot be reached."""
        if self._repository.remote is None:
            self.set_here(ref, new, old)
            return
        self.push(ref, new, old)
        tracking = self._repository.tracking(ref)
        # A fetch by somebody else may have moved it further: then it is left alone.
        self._settle("update-ref", lambda: self._update(tracking, new, old), accept_failure=True)

    def set_here(self, ref: str, new: str, old: str | None) -> None:
        """Set a local ref by compare-and-swap. Raises PlanAgain where it has another value."""
        self._settle("update-ref", lambda: self._update(ref, new, old))

    def push(self, ref: str, new: str, old: str | None) -> None:
        """Set a ref of the remote by compare-and-swap. Raises as `move`.

        A push that broke off may have arrived: then the remote is asked, and tried once more if it did not."""
        git, remote = self._repository.git, self._repository.remote or ""
        mirror = ["-c", f"remote.{remote}.mirror=false"] if "=" not in remote else []
        words = [*mirror, "push", "--porcelain", "--no-verify", "--no-signed", f"--force-with-lease={ref}:{old or ''}"]
        words += ["--end-of-options", remote, f"{new}:{ref}"]

        def attempt() -> Done:
            done = git.attempt(*words, shielded=True)
            if done.code and BROKEN_OFF.search(done.err):
                if self.on_remote(ref) == new:
                    return Done(0, done.out, done.err)
                done = git.attempt(*words, shielded=True)
            return done

        self._settle("push", attempt)

    def on_remote(self, ref: str) -> str | None:
        """The value that `ref` has on the remote now. Raises RetryLater where it cannot be reached."""
        out = self._repository.git.run("ls-remote", "--end-of-options", self._repository.remote or "", ref)
        rows = (row.split("\t") for row in out.decode("utf-8", "replace").split("\n")[:-1])
        return next((row[0] for row in rows if row[1] == ref), None)

    def fetch(self, *refspecs: str, whole: bool = False) -> None:
        """Bring refs of the remote here, exactly these; those that are gone there go here too. With `whole` a
        shallow clone gets all of its history."""
        words = ["fetch", "--quiet", "--no-tags", "--prune", "--no-write-fetch-head", "--no-auto-maintenance"]
        rest = ["--refmap=", "--end-of-options", self._repository.remote or "", *refspecs]

        def attempt() -> Done:
            # Asked each time: a fetch that failed at a lock may have brought the history already.
            missing = ["--unshallow"] if whole and self._repository.shallow_commits() else []
            return self._repository.git.attempt(*words, *missing, *rest, timeout=_WHOLE_HISTORY)

        self._settle("fetch", attempt)

    def clear_stale_locks(self) -> tuple[Path, ...]:
        """Remove lock files on our refs whose git is dead; call it while holding a lease."""
        return tuple(path for locks in self._locks for path in locks.clear())

    def is_broken(self, ref: str) -> bool:
        """True where git cannot read a local ref whose file is there: cut off by a crash, or naming what is gone."""
        return (self._repository.common_dir / ref).is_file() and self.value(ref) is None

    def clear_broken(self, ref: str) -> None:
        """Remove the file of a local ref that is broken, as git will not. Raises PlanAgain where a git holds it."""
        path = self._repository.common_dir / ref
        lock = path.with_name(f"{path.name}.lock")
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            raise PlanAgain(f"another git process holds {lock}", next_step="wait for it to end, try again") from None
        try:
            if self.is_broken(ref):
                path.unlink()
                _sync(path.parent)
        finally:
            lock.unlink()

    def _update(self, ref: str, new: str, old: str | None) -> Done:
        expected = old or self._repository.zero
        done = self._repository.git.attempt(
            "update-ref", "--no-deref", "-m", "reconciler", "--end-of-options", ref, new, expected, shielded=True
        )
        if done.code == 0:
            _sync((self._repository.common_dir / ref).parent)
        return done

    def _settle(self, command: str, attempt: Callable[[], Done], *, accept_failure: bool = False) -> None:
        """Try; where dead locks stand in the way, remove them and try again (at most four)."""
        done = attempt()
        for _ in range(4):
            found = LOCKED.search(done.err)
            if done.code == 0 or found is None:
                break
            path = Path(found[1])
            if not any(locks.clear_one(path) for locks in self._locks):
                break
            done = attempt()
        if done.code and not accept_failure:
            raise classify([command], done.code, done.err + done.out.decode("utf-8", "replace"))


def _sync(folder: Path) -> None:
    """Make the names in a folder durable: git syncs files, not the folder that its rename changed."""
    with suppress(OSError), opened_folder(folder, follow=True) as handle:
        os.fsync(handle)
