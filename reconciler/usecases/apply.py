"""Make every environment what main says: read, decide, act, record, until a pass has nothing left to do.

Takes leases only when there is work; a run that finds none writes nothing. Independent actions go on after one
failed. With a saved plan it does exactly that plan, or refuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from reconciler.core.diff import diff, trainer_of
from reconciler.core.facts import World
from reconciler.core.retries import MACHINE_ATTEMPTS
from reconciler.core.rulebook import rulebooks
from reconciler.core.standing import exit_of_held, runnable, without_automatic
from reconciler.domain.errors import DiskRefused, NeedsPerson, PlanAgain, RetryLater, VerificationFailed, worst_exit
from reconciler.domain.plan import Action, Adopt, Deploy, Held, Judge, Plan, Train
from reconciler.domain.receipts import Receipt, TrainReceipt
from reconciler.usecases.forward import forward_only
from reconciler.usecases.house import House
from reconciler.usecases.leases import Leases
from reconciler.usecases.perform import failed, perform
from reconciler.usecases.plan import refuse_unless_same
from reconciler.usecases.run import NeverStop, Run, Stop, begin_run
from reconciler.usecases.survey import Ask, refuse_unknown, survey


@dataclass(frozen=True)
class Done:
    """One action that was tried: what came of it, and why where it failed. `final`: this run tries it no more."""

    action: Action
    outcome: str
    reason: str = ""
    exit_code: int = 0
    final: bool = False


@dataclass(frozen=True)
class Applied:
    """What a run did, what is still held at its end, and its exit code. `unsettled`: every pass that it may make found
    more to do."""

    source_commit: str
    done: tuple[Done, ...] = ()
    held: tuple[Held, ...] = ()
    left: tuple[Action, ...] = ()
    unchanged: int = 0
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    unsettled: bool = False

    @property
    def exit_code(self) -> int:
        failures = [done.exit_code for done in self.done if done.outcome == "failed"]
        stopped = [1] * self.interrupted + [PlanAgain.exit_code] * self.unsettled
        return worst_exit(*failures, *stopped, exit_of_held(self.held))


Key = tuple[str | None, ...]

Listener = Callable[[str, Action, Done | None], None]
"""Called with `start` and `end` around every action, so that a view can tell while it happens."""


def mute(_event: str, _action: Action, _done: Done | None) -> None:
    """A `Listener` that tells nobody."""


@dataclass
class _Job:
    house: House
    ask: Ask
    leases: Leases
    tip: str
    saved: Mapping[str, Any] | None
    stop: Stop
    listen: Listener
    confirm: Callable[[Plan], bool]
    done: list[Done] = field(default_factory=list)
    agreed: bool = False
    failures: Counter[Key] = field(default_factory=Counter)
    given_up: set[Key] = field(default_factory=set)

    def record(self, done: Done) -> None:
        """Remember what came of an action. What a person must look at is not tried again in this run, what the
        machine did is tried three times."""
        self.done.append(done)
        if done.outcome == "failed":
            key = _key(done.action)
            self.failures[key] += 1
            if done.final or self.failures[key] >= MACHINE_ATTEMPTS:
                self.given_up.add(key)


def apply(  # noqa: PLR0913  what the command line can ask for
    house: House,
    ask: Ask,
    *,
    saved: Mapping[str, Any] | None = None,
    wait: timedelta = timedelta(0),
    stop: Stop | None = None,
    listen: Listener = mute,
    confirm: Callable[[Plan], bool] = lambda _plan: True,
) -> Applied:
    """Reconcile the tip of main. `confirm` sees the first plan that has work; False ends the run untouched.

    Raises PlanAgain for a stale plan, an older source, a held lease or a lost race, NeedsPerson for a rewritten
    main, and whatever reading raises. Failures of single actions are in the result.
    """
    notes = tuple(house.history.fetch())
    tip = house.history.main_tip()
    if saved is not None:
        ask = replace(ask, environments=_set(saved["environments"]), models=_set(saved["models"]))
    ask = replace(ask, revision=tip, hash_targets=True)
    with Leases(house, wait) as leases:
        job = _Job(house, ask, leases, tip, saved, stop or NeverStop(), listen, confirm)
        plan, interrupted, unsettled = _passes(job)
    if interrupted:
        notes = (*notes, "stopped on request: what was started is recorded, the rest is left for the next run")
    if unsettled:
        notes = (*notes, "every pass found more to do; what is left is listed: reconciler apply goes on with it")
    return Applied(tip, tuple(job.done), plan.held, plan.actions, plan.unchanged, notes, interrupted, unsettled)


def _set(names: object) -> frozenset[str] | None:
    return frozenset(map(str, names)) if isinstance(names, list) else None


def _passes(job: _Job) -> tuple[Plan, bool, bool]:
    """Read, decide and act until nothing is left; the plan that remains, whether somebody asked to stop, and whether
    the passes ran out with work left."""
    limit, number = 2, 0
    while True:
        world = survey(job.house, job.ask)
        if job.saved is None:
            refuse_unknown(world)
        asked = world.ledgers.keys() if world.environments is None else world.ledgers.keys() & world.environments
        forward_only(job.house, world, asked)
        limit = len(world.ledgers) + 2
        plan, run = _decide(job, world)
        if job.saved is not None and not job.done:
            refuse_unless_same(job.saved, plan)
        finished = job.saved is not None and bool(job.done)
        work = _work(job, plan)
        if not work or finished or number >= limit or run is None:
            return plan, False, bool(work) and not finished and number >= limit
        if not job.agreed and not job.confirm(plan):
            return plan, False, False
        job.agreed = True
        seen = {name: target.generation for name, target in world.targets.items()}
        if job.leases.take({action.environment for action in work}, seen):
            job.house.history.fetch()
            continue  # read again: another may have written before the lease was ours
        failures = job.failures.total()
        _pass(job, run, work)
        job.ask = replace(job.ask, retry=False)
        number += job.failures.total() == failures  # a pass that is repeated for a failure does not count
        if job.stop.requested():
            return plan, True, False


def _work(job: _Job, plan: Plan) -> tuple[Action, ...]:
    """What of the plan this run still tries, and what needs nothing that it gave up."""
    gone = [action for action in plan.actions if _key(action) in job.given_up]
    return tuple(
        action for action in runnable(plan) if action not in gone and not any(_needs(action, other) for other in gone)
    )


def _decide(job: _Job, world: World) -> tuple[Plan, Run | None]:
    plan = diff(world)
    books = rulebooks(world)
    if job.saved is None:
        plan = without_automatic(plan, {name: book.recorded_spec for name, book in books.items()})
    trainer = trainer_of(books)
    return plan, begin_run(job.house, world, job.leases, trainer=trainer, stop=job.stop) if trainer else None


def _pass(job: _Job, run: Run, work: tuple[Action, ...]) -> None:
    """Do the actions of one pass, in order, until somebody asks to stop. What needs a failed one waits."""
    for environment in sorted({action.environment for action in work}):
        job.house.history.keep_source(environment, job.tip)
    failed: list[Action] = []
    for action in work:
        if job.stop.requested():
            return
        if any(_needs(action, other) for other in failed):
            continue
        job.listen("start", action, None)
        done = _try(run, action)
        job.record(done)
        job.listen("end", action, done)
        if done.outcome == "failed":
            failed.append(action)


def _needs(action: Action, failed: Action) -> bool:
    """Whether an action cannot be done after another failed: a Deploy after its Train, anything after its Adopt."""
    if isinstance(failed, Adopt):
        return failed.environment in (action.environment, getattr(action, "for_environment", None))
    if isinstance(failed, Train) and isinstance(action, Deploy):
        return action.digest is None and (action.model, action.version) == (failed.model, failed.version)
    return False


def _key(action: Action) -> Key:
    """What makes an action of a later pass the same one."""
    names = ("environment", "for_environment", "model", "version", "champion", "exam_digest")
    return (type(action).__name__, *(getattr(action, name, None) for name in names))


def _try(run: Run, action: Action) -> Done:
    """Do one action; what stops only this action is recorded and becomes its outcome."""
    try:
        receipt: Receipt = perform(run, action)
    except (RetryLater, VerificationFailed, NeedsPerson) as error:
        if not (isinstance(error, (NeedsPerson, DiskRefused)) and isinstance(action, (Train, Judge))):
            failed(run, action, error.message)  # a job that found no box, or no room for its result, was not tried
        why = f"{error.message}; {error.next_step}".rstrip("; ")
        final = isinstance(error, DiskRefused) or not isinstance(error, RetryLater)
        return Done(action, "failed", why, error.exit_code, final=final)
    return Done(action, receipt.outcome, receipt.reason or _told(receipt), 1 if receipt.outcome == "failed" else 0)


def _told(receipt: Receipt) -> str:
    """What is worth a word though it succeeded: on how many rows a model was trained, and how many were cold starts."""
    cold = receipt.artifact.cold_start if isinstance(receipt, TrainReceipt) else None
    return str(cold) if cold is not None else ""
