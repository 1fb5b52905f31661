"""diff(world) → Plan: what is wanted against what is recorded and found. Pure, and its order is fixed.

Adopts come first. Then, from the training environment outwards, each model's Train, Deploy, Withdraw or Heal.
Judges come last: the promotion that waits for one follows in the next pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.core import judging
from reconciler.core.data_gates import data_states, limits_of
from reconciler.core.facts import World
from reconciler.core.gates import needs_judgement
from reconciler.core.pin_holds import goes_back
from reconciler.core.pins import decide, heal, orphan
from reconciler.core.rulebook import Rulebook, rulebooks, touched
from reconciler.core.view import Decision, View
from reconciler.domain.observed import TargetState
from reconciler.domain.plan import Action, Adopt, Deploy, Held, Judge, Plan, Withdraw
from reconciler.domain.problems import Problem
from reconciler.domain.record import Rules
from reconciler.domain.source import SourcePin

Outcome = tuple[list[Action], list[Held], int]


def diff(world: World) -> Plan:
    """The plan for a world. The same world gives the same plan, whatever the order of its mappings."""
    books = rulebooks(world)
    order = chain(books)
    actions: list[Action] = [
        adopt for name in order if (adopt := books[name].adopt) and not _untrusted(world, books, name)
    ]
    held: list[Held] = [*_problems(world.source.problems), *(b.held for b in books.values() if b.held)]
    unchanged = 0
    judges: list[Action] = []
    if any(problem.severity == "error" and not problem.touches for problem in world.source.problems):
        actions, order = [], []
    for name in order:
        view = _view(world, books, name)
        if view is None:
            continue
        done, stopped, same = _environment(view)
        actions += done
        held += stopped
        unchanged += same
        judges += _judges(view, _changing(actions))
    plan = Plan(
        source_commit=world.source.commit,
        ledgers=dict(sorted(world.tips.items())),
        actions=(*actions, *judges),
        held=tuple(sorted(set(held), key=_held_order)),
        unchanged=unchanged,
        data=data_states(world, books, trainer) if (trainer := trainer_of(books)) else (),
    )
    return _selected(plan, world)


def chain(books: Mapping[str, Rulebook]) -> list[str]:
    """Environments from the one that trains outwards along `promotesFrom`; the same depth by name."""

    def depth(name: str) -> int:
        seen = [name]
        while (below := books[seen[-1]].spec.promotes_from) and below in books and below not in seen:
            seen.append(below)
        return len(seen)

    return sorted(books, key=lambda name: (depth(name), name))


def trainer_of(books: Mapping[str, Rulebook]) -> str | None:
    """The environment that trains, by the rules in force; None where there is not exactly one."""
    trains = [name for name, book in books.items() if book.spec.training is not None]
    return trains[0] if len(trains) == 1 else None


def _view(world: World, books: Mapping[str, Rulebook], name: str) -> View | None:
    trainer = trainer_of(books)
    if trainer is None or ("environment", name) in touched(world.source.problems):
        return None
    book = books[name]
    below = book.spec.promotes_from
    return View(
        world=world,
        book=book,
        record=world.ledgers[name],
        bench=judging.Bench(trainer, world.ledgers[trainer], limits_of(books, trainer), world.now, world.retry),
        below=world.ledgers.get(below) if below else None,
        target=_trusted(world, name),
        stored=world.stored.get(name, frozenset()),
        untrusted=_untrusted(world, books, name),
        downstream=downstream(books, name),
    )


def downstream(books: Mapping[str, Rulebook], name: str) -> frozenset[str]:
    """The environments that promote from `name`, directly or over others."""
    found: set[str] = set()
    while more := {n for n, book in books.items() if book.spec.promotes_from in {name, *found}} - {name, *found}:
        found |= more
    return frozenset(found)


def _untrusted(world: World, books: Mapping[str, Rulebook], name: str) -> str | None:
    """A ledger that was lost or rewritten and that decides about this environment: its own, that of the environment
    it promotes from, or that of the one that trains."""
    asked = (name, books[name].spec.promotes_from, trainer_of(books))
    return next((other for other in asked if other in world.rewritten), None)


def _trusted(world: World, name: str) -> TargetState:
    """The target as found; no marker while the ledger has deployments means unknown, not empty."""
    found = world.targets.get(name, TargetState("unknown", "it cannot be reached from here"))
    serving = any(deployment.digest for deployment in world.ledgers[name].deployments.values())
    if found.status == "empty" and serving:
        return replace(found, status="unknown", detail="it is empty, and the ledger says that models are deployed")
    return found


# --- one environment ---------------------------------------------------------------------------------------


def _environment(view: View) -> Outcome:
    if view.untrusted is not None:
        return [], [_rewritten(view, view.untrusted)], 0
    pins = {model: pin for (name, model), pin in view.world.source.pins.items() if name == view.environment}
    faulty = touched(view.world.source.problems)
    actions: list[Action] = []
    held: list[Held] = []
    unchanged = 0
    for model in sorted({*pins, *view.record.deployments}):
        decision = _model(view, model, pins.get(model), faulty)
        actions += decision.actions
        held += decision.held
        unchanged += decision.unchanged
    return actions, held, unchanged


def _model(view: View, model: str, pin: SourcePin | None, faulty: frozenset[tuple[str, str]]) -> Decision:
    deployment = view.record.deployments.get(model)
    if faulty and _touches(view, model, pin) & faulty:
        healed = heal(view, deployment)
        told = ("pin", f"{view.environment}/{model}") in faulty  # by the fault itself, with its place
        return Decision((healed,) if healed else (), () if told else (_invalid(view, model, pin),))
    if pin is not None:
        return decide(view, pin)
    return orphan(view, deployment) if deployment and deployment.digest else Decision(unchanged=True)


def _touches(view: View, model: str, pin: SourcePin | None) -> set[tuple[str, str]]:
    asked = {("model", model), ("pin", f"{view.environment}/{model}")}
    if pin and pin.pin.version:
        asked.add(("version", f"{model}@{pin.pin.version}"))
    return asked


def _changing(actions: Iterable[Action]) -> frozenset[tuple[str, str]]:
    """(environment, model) of what this pass deploys or withdraws."""
    moves = (action for action in actions if isinstance(action, (Deploy, Withdraw)) and not action.pending)
    return frozenset((action.environment, action.model) for action in moves)


def _judges(view: View, changing: frozenset[tuple[str, str]]) -> list[Action]:
    """For an environment with gates: the version deployed below, and the one pinned here, each not yet judged.

    Nothing is judged against a champion that this pass replaces, nor a version below that it replaces: the next pass
    judges what is there then, and a run that was killed between the two ends with the same judgements."""
    asks = any(needs_judgement(view.book.spec_of(rules).gates) for rules in view.book.rules)
    if view.untrusted is not None or not asks:
        return []
    pins = {model: pin for (name, model), pin in view.world.source.pins.items() if name == view.environment}
    found: dict[tuple[str, str, str], Judge] = {}
    for model in sorted({*pins, *(view.below.deployments if view.below else ())}):
        if (view.environment, model) in changing:
            continue
        stays = (view.book.spec.promotes_from, model) not in changing
        for judge in _judges_of(view, model, pins.get(model), below_stays=stays):
            found[(judge.model, judge.digest, judge.exam_digest)] = judge
    return list(found.values())


def _judges_of(view: View, model: str, pin: SourcePin | None, *, below_stays: bool) -> Iterable[Judge]:
    below = view.below.deployments.get(model) if view.below else None
    here = view.record.deployments.get(model)
    pinned = view.bench.record.artifacts.get(model, {}).get((pin.pin.version or "") if pin else "")
    origin = view.world.origins.get((view.environment, model))
    asked: list[tuple[str | None, str | None, tuple[Rules, ...]]] = []
    if below and below_stays:
        asked.append((below.version, below.digest, (view.book.in_force,)))
    if pinned and pin and pin.pin.digest in (None, pinned.digest):
        asked.append((pinned.version, pinned.digest, view.book.for_pin(origin)))
    for version, digest, rules in asked:
        champion = here is not None and here.digest == digest
        if version is None or digest is None or champion or goes_back(view, here, digest, rules):
            continue
        for rule in rules:
            spec = view.book.spec_of(rule)
            if needs_judgement(spec.gates):
                serves = here if here and here.digest else None
                challenger = judging.Challenger(view.environment, model, version, digest, serves, spec.exam)
                answer = judging.ask(view.bench_by(spec), challenger)
                if isinstance(answer, Judge):
                    yield answer


# --- problems and selection --------------------------------------------------------------------------------


def _problems(problems: Iterable[Problem]) -> Iterable[Held]:
    for problem in problems:
        if problem.severity != "error":
            continue
        for environment, model, version in dict.fromkeys(map(_reach, problem.touches or (("all", ""),))):
            yield Held(
                environment=environment,
                model=model,
                version=version,
                reason="manifest-invalid",
                detail=f"{problem.where}: {problem.summary}" + (f" ({problem.path})" if problem.path else ""),
                next_step=problem.fix or "mend the file, then reconciler validate",
                who="author",
            )


def _reach(touch: tuple[str, str]) -> tuple[str, str | None, str | None]:
    """(environment or "", model, version) of what a fault touches."""
    match touch:
        case ("environment", name):
            return name, None, None
        case ("pin", name):
            environment, _, model = name.partition("/")
            return environment, model, None
        case ("version", name):
            model, _, version = name.partition("@")
            return "", model, version
        case ("model", name):
            return "", name, None
        case _:
            return "", None, None


def _invalid(view: View, model: str, pin: SourcePin | None) -> Held:
    return Held(
        environment=view.environment,
        model=model,
        version=pin.pin.version if pin else None,
        reason="manifest-invalid",
        detail="a file that this pin depends on is refused",
        next_step="reconciler validate says which and why",
        who="author",
    )


def _rewritten(view: View, ledger: str) -> Held:
    missing = view.world.tips.get(ledger) is None
    return Held(
        environment=view.environment,
        model=None,
        version=None,
        reason="ledger-missing" if missing else "ledger-rewritten",
        detail=(
            f"the target of {ledger} is occupied, and ledger/{ledger} "
            + ("is missing" if missing else "does not contain the commit that the target remembers")
        ),
        next_step=f"restore ledger/{ledger} from a copy; nothing was touched",
        who="operator",
    )


def _held_order(held: Held) -> tuple[str, str, str, str, str]:
    return (held.environment, held.model or "", held.version or "", held.reason, held.detail)


def _selected(plan: Plan, world: World) -> Plan:
    """Only what `-e` and `--select` ask for; Adopts go with their environment."""

    def keeps(environment: str, model: str | None) -> bool:
        fits = world.environments is None or environment in world.environments
        return fits and (world.models is None or model is None or model in world.models)

    def of(action: Action) -> tuple[str, str | None]:
        match action:
            case Adopt():
                return action.environment, None
            case Judge():
                return action.for_environment, action.model
            case _:
                return action.environment, action.model

    return replace(
        plan,
        actions=tuple(action for action in plan.actions if keeps(*of(action))),
        held=tuple(held for held in plan.held if keeps(held.environment, held.model)),
        data=tuple(state for state in plan.data if keeps(state.environment, None)),
    )
