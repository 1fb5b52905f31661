"""What tests of bad input share: a refusal as a value to look at, what must not change meanwhile, disks that refuse."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from reconciler.__main__ import furnish, open_doorstep
from reconciler.adapters.git import Repository
from reconciler.cli.root import Session, make_root, run
from reconciler.usecases.house import House
from tests.support.company import Company, Ended
from tests.support.components import remount
from tests.support.repositories import environment

REFUSALS = ("full", "read-only", "no inodes")
RAW = "\x1b[31m\u202e"
HOSTILE = f"{RAW}red\u2066 \x9b2J\x07"


def attempt(company: Company, *argv: str) -> Ended:
    """Run a command as `Company.run` does, whatever its exit code."""
    with ExitStack() as stack, redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:

        def build(session: Session) -> House:
            found = stack.enter_context(Repository.discover(session.directory.absolute()))
            return furnish(found, company.environment, trainer=company.trainer, clock=company.clock)

        code = run(make_root(build, open_doorstep), ["-C", str(company.desk.path), *argv])
    return Ended(code, out.getvalue(), err.getvalue())


def refused(told: Ended, *words: str) -> Ended:
    """Assert that a command that ended with an error says all these words, and nothing that only we understand."""
    text = told.out + told.err
    for word in words:
        assert word in text, f"{word!r} is not in:\n{text}"
    for word in ("Traceback", "this should not happen", "Errno"):
        assert word not in text, text
    return safe(told)


def safe(told: Ended) -> Ended:
    """Assert that nothing raw of a file or a name reached the terminal, and that no line is a command of CI."""
    for line in (told.out + told.err).split("\n"):
        odd = [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]
        assert not odd, repr(line)
        assert not line.lstrip().startswith("::"), line
    return told


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder by its bytes, every symlink by its text; caches, locks and empty folders left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file() and not name.endswith(".lock"):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def state(company: Company) -> tuple[dict[str, str], dict[str, str]]:
    """What must never be half: branches and ledgers, and store, snapshots and targets by content. Leases, and the
    commits of main that were looked at and are kept, are not part of it."""
    refs = {name: value for name, value in company.refs().items() if not name.startswith("refs/reconciler/")}
    return refs, contents(company.home)


@contextmanager
def untouched(company: Company) -> Iterator[None]:
    """Assert that what happens inside changes no ref, no store, no snapshot and no target."""
    before = state(company)
    yield
    assert state(company) == before


def process(folder: Path, *argv: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
    """The command line as a process of its own, in a folder; variables that are None are taken out."""
    told = environment() | {"NO_COLOR": "1"} | {name: value for name, value in variables.items() if value is not None}
    told = {name: value for name, value in told.items() if variables.get(name, "") is not None}
    return subprocess.run(
        [sys.executable, "-m", "reconciler", *argv],
        cwd=folder,
        env=_with_us(told),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=60,
        check=False,
    )


def _with_us(variables: Mapping[str, str]) -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parents[2]), **variables}


def fill(disk: Path, how: str) -> None:
    """Make a mounted tmpfs refuse: full to the last byte, read-only, or without inodes."""
    if how == "read-only":
        remount(disk, "ro")
    elif how == "full":
        with (disk / "filler").open("wb", buffering=0) as file:
            left = 64 << 20
            while left > 0:
                try:
                    left -= file.write(b"x" * 4096)
                except OSError:
                    return
    else:
        for number in range(5000):
            try:
                (disk / f"filler-{number}").touch()
            except OSError:
                return


def mend(disk: Path, how: str) -> None:
    """Undo `fill`."""
    if how == "read-only":
        remount(disk, "rw")
    for path in disk.glob("filler*"):
        path.unlink()


def flip(path: Path) -> None:
    """Change one bit in the middle of a file; its size and time stay."""
    found = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    _write(path, bytes(content))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def cut(path: Path) -> None:
    """Leave the first half of a file."""
    content = path.read_bytes()
    _write(path, content[: len(content) // 2])


def remove(path: Path) -> None:
    """Take a file away."""
    path.unlink()


def _write(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


DAMAGES = {"a flipped byte": flip, "a missing file": remove, "half a file": cut}
