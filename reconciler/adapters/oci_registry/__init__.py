"""Stores in an OCI registry, by the distribution API: so far of snapshots.

It may ask the repository that the environment's file names where the runner allows that, write below the folder of its
working copy, and read the runner's login. It refuses bytes that are not those of their digest, and sends rows or
credentials nowhere but to that registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from reconciler.adapters.oci_registry.access import CheckHost, Entry
from reconciler.adapters.oci_registry.logins import logins_of
from reconciler.adapters.oci_registry.registry import Registry
from reconciler.adapters.oci_registry.snapshots import RegistrySnapshots
from reconciler.adapters.oci_registry.wire import Wire
from reconciler.adapters.oci_registry.working_copy import Local, WorkingCopy
from reconciler.domain.registry import RegistryPlace
from reconciler.ports import Progress
from reconciler.tools.patience import Patience, SystemTimer, Timer, Waits
from reconciler.tools.web import is_loopback, new_client, port_of

__all__ = ["RegistrySnapshots", "Runner", "open_registry", "open_snapshots"]

_WAITS = Waits(tries=4)
_LATER = "see whether it runs and can be reached (reconciler doctor asks it), then run it again; nothing is half done"


@dataclass(frozen=True)
class Runner:
    """What whoever keeps the runner says: variables, and what may be asked; the two checks raise AuthorMustFix."""

    variables: Mapping[str, str]
    check_host: CheckHost
    check_repository: Callable[[str, int, str], None]
    timer: Timer | None = None
    waits: Waits = _WAITS


def open_snapshots(
    place: RegistryPlace, runner: Runner, cache: Path, *, open_local: Callable[[Path, Progress], Local]
) -> RegistrySnapshots:
    """The snapshots of a repository, with their working copy in the folder `cache`. Nothing is asked yet. Raises
    AuthorMustFix for a repository that the runner does not allow."""
    return RegistrySnapshots(open_registry(place, runner), WorkingCopy(cache, open_local))


def open_registry(place: RegistryPlace, runner: Runner) -> Registry:
    """The repository, by https, on loopback by http. Raises AuthorMustFix for one that is not allowed."""
    scheme = "http" if is_loopback(place.host) else "https"
    root = httpx.URL(scheme=scheme, host=place.host, port=place.port, path="/")
    runner.check_repository(place.host, port_of(root), place.name)
    client = new_client()
    patience = Patience(runner.timer or SystemTimer(), runner.waits, "try again where the network is faster", _LATER)
    login = logins_of(runner.variables, place)
    entry = Entry(root, place.name, client, login, runner.check_host, patience)
    return Registry(Wire(place, root, client, entry, patience))
