"""The port `Ledger`: branch `ledger/ENV`, one commit per receipt, the record in its tree.

Where there is a remote its branch is the truth: it is read as last fetched and written by a push of exactly one
commit; a local branch of that name is not used. Whether "no ledger here" means that there is none is known from:
a `fetch` of this project (its marker file), another ledger's tracking ref, a clone of all branches, or an empty
FETCH_HEAD, which is what git leaves when a person typed the fetch line and the remote had no ledger.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from reconciler.adapters.git.commits import compose, person, take_apart
from reconciler.adapters.git.deploy_lines import read_lines
from reconciler.adapters.git.edits import edit_tree
from reconciler.adapters.git.objects import Loose, object_id
from reconciler.adapters.git.record_cache import WORTH_KEEPING, RecordCache
from reconciler.adapters.git.record_trees import RecordTrees
from reconciler.adapters.git.refs import Refs
from reconciler.adapters.git.repository import Repository, checked_environment
from reconciler.adapters.git.revisions import are_ancestors, too_shallow
from reconciler.domain.errors import NeedsPerson, PlanAgain, VerificationFailed
from reconciler.ports import LedgerState

if TYPE_CHECKING:
    from reconciler.domain.line import Line
    from reconciler.domain.receipts import Receipt
    from reconciler.domain.record import Record

_CHUNK = 1 << 16


class GitLedger:
    """The ledgers of one repository."""

    def __init__(self, repository: Repository, refs: Refs | None = None) -> None:
        self._repository = repository
        self._refs = refs or Refs(repository)
        self._trees = RecordTrees(repository.objects)
        self._cache = RecordCache(repository.common_dir)

    def read(self, environment: str) -> LedgerState:
        """The tip and its record. Raises NeedsPerson where ledgers were never fetched, or a ledger that is here has
        not been pushed; VerificationFailed on a tree that is no record of this environment."""
        return self._state(environment, self._tip(environment))

    def read_all(self, environments: Iterable[str]) -> Mapping[str, LedgerState]:
        """`read` of many, their tips as they were at one moment."""
        refs = {environment: _ref(environment) for environment in environments}
        tips = self._refs.all_known(list(refs.values()))
        return {name: self._state(name, tips.get(ref) or self._tip(name)) for name, ref in refs.items()}

    def _state(self, environment: str, tip: str | None) -> LedgerState:
        from reconciler.domain.record import Record

        if tip is None:
            return LedgerState(None, Record(environment=environment))
        tree = self._tree_of(tip)
        record = self._cache.get(environment, tree)
        if record is None:
            files = self._trees.files(tree)
            record = _record(environment, tip, files)
            if len(files) >= WORTH_KEEPING:
                self._cache.put(record, tree)
        return LedgerState(tip, record)

    def append(self, state: LedgerState, receipt: Receipt, record: Record) -> LedgerState:
        """Commit `receipt` with `record` as the tree on top of `state.tip`, by compare-and-swap.
        Raises PlanAgain when the ledger has moved, RetryLater when disk or remote refuse; then nothing moved."""
        from reconciler.adapters.git.receipts import message_of

        environment = checked_environment(record.environment)
        tree, made = self._grown(self._tree_of(state.tip) if state.tip else None, record)
        author = person(receipt.by)
        commit = self._repository.objects.make(
            "commit",
            compose(
                tree,
                [state.tip] if state.tip else [],
                author=author,
                committer=author,
                at=receipt.at,
                message=message_of(receipt),
            ),
        )
        self._repository.objects.write([*made, commit])
        try:
            self._refs.move(_ref(environment), commit.id, state.tip)
        except PlanAgain as error:
            raise PlanAgain(f"ledger/{environment} was not written: {error.message}", next_step="plan again") from error
        return LedgerState(commit.id, record)

    def receipts(self, environment: str, model: str | None = None) -> Iterator[tuple[str, Receipt]]:
        """(commit id, receipt), newest first; with `model`, those that touched its deployment. Each is parsed when
        it is asked for. Raises VerificationFailed naming a commit that holds no receipt."""
        from reconciler.adapters.git.receipts import parse_receipt, raw_of

        cut = self._repository.shallow_commits()
        with closing(self._entries(environment, model)) as found:
            for entries in found:
                for commit, _, message in map(_entry, entries.split(b"\0")[1:]):
                    if commit in cut:
                        raise too_shallow(self._repository)
                    yield commit, parse_receipt(commit, raw_of(message))

    def lines(self, environment: str, model: str | None = None) -> Iterator[Line]:
        """The line of each of `receipts`, most of them without building the receipt. Raises as `receipts`."""
        cut = self._repository.shallow_commits()
        with closing(self._entries(environment, model)) as found:
            for entries in found:
                for commit, line in read_lines(entries):
                    if commit in cut:
                        raise too_shallow(self._repository)
                    yield _line(commit, line) if isinstance(line, bytes) else line

    def contains(self, tip: str | None, commits: Sequence[str]) -> bool:
        """True where every one of `commits` is in the history of a ledger that ends at `tip`."""
        if not commits:
            return True
        if tip is None:
            return False
        many = len(commits) >= WORTH_KEEPING
        if many and self._cache.is_known(tip, commits):
            return True
        found = are_ancestors(self._repository, commits, tip)
        if found and many:
            self._cache.know(tip, commits)
        return found

    def trees(self, environment: str) -> Iterator[tuple[str, Receipt, Record]]:
        """(commit id, receipt, record in its tree), oldest first. Raises VerificationFailed at the first commit
        that holds no receipt or no record, or that is a merge."""
        from reconciler.adapters.git.receipts import parse_receipt, raw_of

        tip = self._tip(environment)
        if tip is None:
            return
        cut = self._repository.shallow_commits()
        with closing(self._log("--reverse", "--end-of-options", tip)) as found:
            for entries in found:
                for commit, tree, message in map(_entry, entries.split(b"\0")[1:]):
                    if commit in cut:
                        raise too_shallow(self._repository)
                    receipt = parse_receipt(commit, raw_of(message))
                    yield commit, receipt, _record(environment, commit, self._trees.files(tree))

    def _entries(self, environment: str, model: str | None) -> Generator[bytes, None, None]:
        """Entries of all receipts, newest first, or of those that touched the deployment of a model."""
        tip = self._tip(environment)
        path = ["--", f"deployments/{model}.json"] if model is not None else []
        if tip is not None:
            yield from self._log("--end-of-options", tip, *path)

    def _log(self, *arguments: str) -> Generator[bytes, None, None]:
        """Every commit that rev-list gives for the arguments, as NUL, commit, space, tree, line feed and message; some
        whole ones at a time."""
        form = "--format=%x00%H %T%n%B"
        with self._repository.git.stream("rev-list", "--no-commit-header", form, *arguments) as out:
            rest = b""
            while chunk := out.read1(_CHUNK):  # type: ignore[attr-defined]
                rest += chunk
                last = rest.rfind(b"\0")
                if last > 0:
                    yield rest[:last]
                    rest = rest[last:]
            if rest:
                yield rest

    def _tip(self, environment: str) -> str | None:
        ref = _ref(environment)
        tip = self._refs.known(ref)
        if tip is None and self._repository.remote is not None:
            self._refuse_unknown(environment, ref)
        return tip

    def _refuse_unknown(self, environment: str, ref: str) -> None:
        remote = self._repository.remote
        if not self._were_fetched():
            raise NeedsPerson(
                f"the ledgers of {remote} were never fetched, so nobody knows what {environment} has",
                next_step=self._repository.fetch_line("refs/heads/ledger/*"),
            )
        if self._refs.value(ref) is not None:
            raise NeedsPerson(
                f"ledger/{environment} is in this clone but not on {remote}, which is where ledgers are kept",
                next_step=f"git push {remote} {ref}:{ref}, then git fetch {remote}",
            )

    def _were_fetched(self) -> bool:
        repository = self._repository
        if repository.marker.exists() or self._refs.listing(f"refs/remotes/{repository.remote}/ledger"):
            return True
        note = repository.git_dir / "FETCH_HEAD"
        if note.exists() and note.stat().st_size == 0:
            return True
        every = f"+refs/heads/*:refs/remotes/{repository.remote}/*"
        cloned = (repository.common_dir / f"refs/remotes/{repository.remote}/HEAD").exists()
        return cloned and every in repository.settings.get(f"remote.{repository.remote}.fetch", [])

    def _tree_of(self, commit: str) -> str:
        found = self._repository.objects.read(commit)
        if found is None or found[0] != "commit":
            raise VerificationFailed(f"ledger commit {commit} is missing", next_step="git fsck, and fetch again")
        return take_apart(found[1]).tree

    def _grown(self, tree: str | None, record: Record) -> tuple[str, list[Loose]]:
        """The tree of `record`, made from `tree` by changing the files that differ."""
        present = self._trees.blobs(tree) if tree else {}
        files = record.files()
        changes: dict[str, bytes | None] = dict.fromkeys(present.keys() - files.keys())
        for path, content in files.items():
            if present.get(path) != object_id("blob", content, self._repository.algorithm):
                changes[path] = content
        new, made = edit_tree(self._repository.objects, tree, changes)
        assert new is not None  # noqa: S101 (a record always has format.json; told to the type checker)
        return new, made


def _ref(environment: str) -> str:
    return f"refs/heads/ledger/{checked_environment(environment)}"


def _entry(text: bytes) -> tuple[str, str, bytes]:
    head, _, message = text.partition(b"\n")
    commit, tree = head.decode("ascii").split(" ")
    return commit, tree, message


def _line(commit: str, message: bytes) -> Line:
    from reconciler.adapters.git.receipts import parse_receipt, raw_of
    from reconciler.domain.summary import line_of

    return line_of(commit, parse_receipt(commit, raw_of(message)))


def _record(environment: str, commit: str, files: Mapping[str, bytes]) -> Record:
    from reconciler.domain.record import Record

    try:
        named = json.loads(files.get("format.json", b"{}")).get("environment")
    except (ValueError, AttributeError, RecursionError):
        named = None
    if named != environment:
        raise VerificationFailed(
            f"commit {commit} of ledger/{environment} does not hold a record of {environment}",
            next_step="somebody else wrote to the ledger: git log shows who; nothing was changed",
        )
    return Record.from_files(environment, files)
