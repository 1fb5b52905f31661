"""Runs git: the one place that starts a git process.

Argument lists only, an environment without the parent's GIT_DIR and its kin, and a configuration that keeps hooks,
file monitors, filters and `ext::` transports from running. The user's own configuration (credentials, proxies,
safe.directory) stays in force: it is his, not the repository's. Nothing here knows what the answers mean.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from reconciler.adapters.git.failures import classify, timed_out
from reconciler.domain.errors import NeedsPerson, RetryLater

_CONFIG = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.useReplaceRefs=false",
    "core.fsync=all",
    "core.fsyncMethod=fsync",
    "core.logAllRefUpdates=false",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "color.ui=false",
    "advice.graftFileDeprecated=false",
    "log.showSignature=false",
    "i18n.logOutputEncoding=UTF-8",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=no",
    "fetch.writeCommitGraph=false",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
)
_PREFIX = ("git", "--no-pager", *(word for setting in _CONFIG for word in ("-c", setting)))

# What a parent may hand to git: how to reach a remote, who the user is, where his configuration lies. All other
# GIT_ variables (GIT_DIR and GIT_INDEX_FILE inside a hook, GIT_ALLOW_PROTOCOL …) would change what we read.
_KEPT = (
    "GIT_SSH",
    "GIT_SSL_",
    "GIT_ASKPASS",
    "GIT_HTTP_",
    "GIT_PROXY_",
    "GIT_AUTHOR_",
    "GIT_COMMITTER_",
    "GIT_CONFIG_",
)
_DROPPED = frozenset({"GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE", "LANGUAGE"})
_FIXED = {
    "LC_ALL": "C",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_FLUSH": "0",  # whole buffers down a pipe, not a write for each of ten thousand commits
}
_SHIELDED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def clean_environment(parent: Mapping[str, str]) -> dict[str, str]:
    """The environment for git: the parent's without what would redirect it, plus the fixed settings."""
    kept = {
        name: value
        for name, value in parent.items()
        if name not in _DROPPED and (not name.startswith("GIT_") or name.startswith(_KEPT))
    }
    return kept | _FIXED


@dataclass(frozen=True)
class Done:
    """What a git process answered."""

    code: int
    out: bytes
    err: str


class Git:
    """Runs git in one folder. `timeout` (seconds) ends a process that hangs, such as on a dead network."""

    def __init__(self, folder: Path, *, timeout: float = 300) -> None:
        self.folder = folder
        self._timeout = timeout
        self._environment = clean_environment(os.environ)

    def run(
        self,
        *arguments: str,
        feed: bytes = b"",
        shielded: bool = False,
        meanwhile: Callable[[], object] | None = None,
    ) -> bytes:
        """Standard output of a process that must succeed. Raises what `failures.classify` makes of the rest.
        `meanwhile` is called while git works."""
        done = self.attempt(*arguments, feed=feed, shielded=shielded, meanwhile=meanwhile)
        if done.code:
            raise classify(arguments, done.code, done.err)
        return done.out

    def attempt(
        self,
        *arguments: str,
        feed: bytes = b"",
        shielded: bool = False,
        timeout: float | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> Done:
        """Run to the end, whatever the exit code. A shielded process does not see the Ctrl-C of the terminal:
        what writes is finished, and whoever handles the signal decides afterwards."""
        limit = timeout or self._timeout
        with self._started(arguments, shielded) as process:
            try:
                if meanwhile is not None:
                    meanwhile()
                out, err = process.communicate(feed, timeout=limit)
            except subprocess.TimeoutExpired as error:
                process.kill()
                process.communicate()
                raise timed_out(arguments, limit) from error
            except BaseException:
                if not shielded:
                    process.terminate()  # git removes its lock files on SIGTERM, not on SIGKILL
                process.communicate()
                raise
        return Done(process.returncode, out, err.decode("utf-8", "replace"))

    @contextmanager
    def stream(self, *arguments: str) -> Iterator[IO[bytes]]:
        """Standard output as it comes; leaving early ends the process. Raises as `run` where it was read to the end."""
        with self._started(arguments, shielded=False) as process:
            out, err = process.stdout, process.stderr
            assert out is not None and err is not None  # noqa: S101 (both are pipes; told to the type checker)
            try:
                process.stdin.close() if process.stdin else None
                yield out
                ended = not out.read(1)
            except BaseException:
                process.terminate()
                raise
            if not ended:
                process.terminate()
                return
            text = err.read().decode("utf-8", "replace")
            if process.wait():
                raise classify(arguments, process.returncode, text)

    def converse(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A process to talk with; the caller ends it. Its complaints are not read."""
        return self._started(arguments, shielded=True, stderr=subprocess.DEVNULL)

    def _started(
        self, arguments: Sequence[str], shielded: bool, stderr: int = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        if any("\0" in argument for argument in arguments):
            raise NeedsPerson("a name given to git contains a NUL character", next_step="check what was typed")
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SHIELDED if shielded else set())
        try:
            return subprocess.Popen(
                [*_PREFIX, *arguments],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        except FileNotFoundError as error:
            raise _cannot_start(self.folder) from error
        except NotADirectoryError as error:
            raise NeedsPerson(f"{self.folder} is not a folder", next_step="give -C a folder") from error
        except OSError as error:  # no process to be had, no memory, arguments that are too long
            raise RetryLater(f"git could not be started: {error.strerror}", next_step="make room; run again") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cannot_start(folder: Path) -> NeedsPerson:
    if not folder.exists():
        return NeedsPerson(f"there is no folder {folder}", next_step="check the path given with -C")
    return NeedsPerson("git is not installed, or not on PATH", next_step="install git 2.36 or newer")
