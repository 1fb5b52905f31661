"""The port `Lease`: refs/reconciler/leases/ENV, a blob with the holder as JSON, moved by compare-and-swap.

The blob's bytes follow from the state alone, so the state that a caller holds is itself the old value of the swap.
On a remote the ref is the remote's. A taken-over lease keeps the intent of the holder before. A ref that was lost or
damaged goes on above the generation that the caller knows of, with room for holders that nobody knows of any more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from reconciler.adapters.git.host import boot_id, host_name, is_live_system, process_start
from reconciler.adapters.git.refs import Refs
from reconciler.adapters.git.repository import Repository, checked_environment
from reconciler.domain.errors import PlanAgain, VerificationFailed
from reconciler.domain.times import machine_time
from reconciler.ports import Clock, Intent, LeaseState

EXPIRY = timedelta(minutes=10)
_POLL = 2.0
_TRIES = 5
_ROOM = 100  # generations that a lost lease may have been ahead of what ledger and target had seen


@dataclass(frozen=True)
class Holder:
    """Who takes leases: a person or CI run, and the process that would have to be dead for a takeover."""

    who: str
    host: str
    boot_id: str
    process: int
    process_start: str
    run_url: str | None = None

    @classmethod
    def present(cls, who: str, process: int, run_url: str | None = None) -> Holder:
        """A live process of this machine as holder."""
        return cls(who, host_name(), boot_id(), process, process_start(process) or "", run_url)


class GitLease:
    """The leases of one repository, for one holder. `sleep` waits so many seconds between two looks."""

    def __init__(
        self,
        repository: Repository,
        holder: Holder,
        clock: Clock,
        *,
        refs: Refs | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._repository = repository
        self._holder = holder
        self._clock = clock
        self._sleep = sleep
        self._refs = refs or Refs(repository, sleep=sleep)

    def read(self, environment: str) -> LeaseState | None:
        """The lease as known here: on a clone, as last fetched. Raises VerificationFailed for an unreadable one."""
        return self._at(self._known(environment), environment)

    def acquire(self, environment: str, wait: timedelta, *, above: int = 0) -> LeaseState:
        """Take the lease, or take it over from a dead or expired holder; generation + 1, and above `above`. Then lock
        files that a killed git left on our refs are removed. Raises PlanAgain when somebody else holds it and `wait`
        has passed, VerificationFailed for a damaged one."""
        deadline = self._clock.now() + wait
        for lost in range(1_000_000):
            old, present = self._current(environment)
            if present is None or self._is_free(present):
                taken = self._taken(environment, present, above)
                try:
                    self._swap(taken, old)
                except PlanAgain:
                    if lost >= _TRIES and self._clock.now() >= deadline:
                        raise
                    continue
                self._refs.clear_stale_locks()
                return taken
            left = (deadline - self._clock.now()).total_seconds()
            if left <= 0:
                raise _held(present)
            self._sleep(min(_POLL, left))
        raise AssertionError("unreachable")

    def ended(self, lease: LeaseState) -> bool:
        """See `ports.Lease`. Where the system tells nothing of processes, nothing is believed dead."""
        if not self._is_here(lease):
            return False
        gone = is_live_system() and process_start(lease.process) != lease.process_start
        return lease.boot_id != self._holder.boot_id or gone

    def renew(self, lease: LeaseState, intent: Intent | None = None) -> LeaseState:
        """Extend it; `intent` names what is about to be stored. Raises PlanAgain when the ref is no longer ours."""
        renewed = replace(lease, expires=self._clock.now() + EXPIRY, intent=intent or lease.intent)
        try:
            self._swap(renewed, self._blob(lease))
        except PlanAgain as error:
            raise PlanAgain(
                f"the lease of {lease.environment} is not ours any more: {error.message}", next_step="plan again"
            ) from error
        return renewed

    def release(self, lease: LeaseState) -> None:
        """Give it back; generation and intent stay. A lease that was lost is left as it is."""
        with suppress(PlanAgain):
            self._swap(replace(lease, held=False), self._blob(lease))

    def break_(self, environment: str, *, above: int = 0) -> LeaseState | None:
        """End another's lease, whoever holds it; returns what was broken, None where nobody held it. A damaged one
        becomes a released one above `above`. Raises PlanAgain where it moved at that moment."""
        self._fetch()
        try:
            old = self._known(environment)
            present = self._at(old, environment)
        except VerificationFailed:
            if self._repository.remote is None and self._refs.is_broken(_ref(environment)):
                self._refs.clear_broken(_ref(environment))
            old, present = self._refs.known(_ref(environment)), self._somebodys(environment, above + _ROOM)
        if present is None or not present.held:
            return None
        self._swap(replace(present, held=False), old)
        return present

    def _current(self, environment: str) -> tuple[str | None, LeaseState | None]:
        """(value of the ref, its state), asked of the remote where there is one."""
        self._fetch()
        old = self._known(environment)
        return old, self._at(old, environment)

    def _fetch(self) -> None:
        if self._repository.remote:
            source = "refs/reconciler/leases/*"
            self._refs.fetch(f"+{source}:{self._repository.tracking(source)}")

    def _known(self, environment: str) -> str | None:
        known = self._refs.known(_ref(environment))
        if known is None and self._repository.remote is None and self._refs.is_broken(_ref(environment)):
            raise _damaged(environment, "the file of its ref is broken")
        return known

    def _at(self, blob: str | None, environment: str) -> LeaseState | None:
        if blob is None:
            return None
        found = self._repository.objects.read(blob)
        state = _decode(found[1]) if found and found[0] == "blob" else None
        if state is None or state.environment != environment:
            raise _damaged(environment, f"git show {blob} tells what it is")
        return state

    def _taken(self, environment: str, before: LeaseState | None, above: int) -> LeaseState:
        if before is None and self._repository.remote:
            # A repository that worked alone before it got a remote: targets remember the generation.
            with suppress(VerificationFailed):
                before = self._at(self._refs.value(_ref(environment)), environment)
        last = before.generation if before else 0
        me = self._holder
        return LeaseState(
            environment=environment,
            holder=me.who,
            host=me.host,
            boot_id=me.boot_id,
            process=me.process,
            process_start=me.process_start,
            run_url=me.run_url,
            expires=self._clock.now() + EXPIRY,
            generation=last + 1 if last >= above else above + _ROOM,
            held=True,
            intent=before.intent if before else None,
        )

    def _somebodys(self, environment: str, generation: int) -> LeaseState:
        """What stands for a lease that cannot be read."""
        return LeaseState(
            environment=environment,
            holder="somebody unknown",
            host="unknown",
            boot_id="",
            process=0,
            process_start="",
            run_url=None,
            expires=self._clock.now(),
            generation=generation,
            held=True,
        )

    def _is_free(self, lease: LeaseState) -> bool:
        """True where nobody holds it: released, expired, its process or its boot gone, or the same CI run."""
        if not lease.held or lease.expires <= self._clock.now():
            return True
        if self._is_here(lease) and (lease.boot_id != self._holder.boot_id or is_live_system()):
            return self.ended(lease)
        return lease.run_url is not None and lease.run_url == self._holder.run_url

    def _is_here(self, lease: LeaseState) -> bool:
        me = self._holder
        return bool(lease.host == me.host and lease.boot_id and me.boot_id)

    def _blob(self, lease: LeaseState) -> str:
        return self._repository.objects.make("blob", _encode(lease)).id

    def _swap(self, lease: LeaseState, old: str | None) -> None:
        made = self._repository.objects.make("blob", _encode(lease))
        self._repository.objects.write([made])
        self._refs.move(_ref(lease.environment), made.id, old)


def _ref(environment: str) -> str:
    return f"refs/reconciler/leases/{checked_environment(environment)}"


def _damaged(environment: str, what: str) -> VerificationFailed:
    return VerificationFailed(
        f"{_ref(environment)} does not hold a lease",
        next_step=f'reconciler lease break {environment} --reason "its lease is damaged" ends it; {what}',
    )


def _held(lease: LeaseState) -> PlanAgain:
    run = f", {lease.run_url}" if lease.run_url else ""
    return PlanAgain(
        f"{lease.holder} on {lease.host} (process {lease.process}{run}) holds the lease of {lease.environment} "
        f"until {lease.expires:%Y-%m-%d %H:%M:%S} UTC",
        next_step="wait for it, or wait longer with --lock-timeout; reconciler lease break --reason ends it",
    )


def _encode(lease: LeaseState) -> bytes:
    plain = asdict(lease) | {"expires": machine_time(lease.expires), "format_version": 1}
    return (json.dumps(plain, indent=2, sort_keys=True) + "\n").encode()


def _decode(content: bytes) -> LeaseState | None:
    """The state in a blob, None for anything else."""
    try:
        plain = json.loads(content)
        if plain.pop("format_version") != 1:
            return None
        intent = Intent(**plain["intent"]) if plain["intent"] else None
        state = LeaseState(**plain | {"expires": datetime.fromisoformat(plain["expires"]), "intent": intent})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    whole = (state.generation, state.process)
    texts = (state.environment, state.holder, state.host, state.boot_id, state.process_start, state.run_url or "")
    named = asdict(intent).values() if intent else ()
    sound = all(type(each) is int for each in whole) and all(isinstance(each, str) for each in (*texts, *named))
    return state if sound and isinstance(state.held, bool) and state.expires.tzinfo else None
