"""Rules change by their own rules: which are in force, whether new ones are adopted, and which judge a pin.

An environment's rules are its file and its allowed signers. The first that its ledger records are trusted. Later
ones need evidence, by the rules in force, for every first-parent commit since the files last equalled those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.core.evidence import Lacking, find, required, to_bring
from reconciler.core.facts import Origin, World
from reconciler.domain.manifests import Environment, EnvironmentSpec
from reconciler.domain.plan import Adopt, Held
from reconciler.domain.problems import Problem
from reconciler.domain.record import Evidence, Rules


@dataclass(frozen=True)
class Rulebook:
    """The rules of one environment in this pass, oldest first; the last are in force (an Adopt comes first)."""

    environment: str
    rules: tuple[Rules, ...]
    parsed: Mapping[str, Environment]
    adopt: Adopt | None = None
    held: Held | None = None

    @property
    def in_force(self) -> Rules:
        return self.rules[-1]

    @property
    def spec(self) -> EnvironmentSpec:
        """What the rules in force say."""
        return self.spec_of(self.in_force)

    @property
    def recorded_spec(self) -> EnvironmentSpec:
        """What the rules say that the ledger has recorded: an Adopt is not done by what it brings. For first rules,
        those themselves."""
        return self.spec_of(self.rules[-2] if self.adopt and len(self.rules) > 1 else self.in_force)

    @property
    def automatic(self) -> Rulebook:
        """The rules as a run without a saved plan follows them: where those on record say `autoApply: false`, an Adopt
        that is not the first waits for such a plan."""
        if self.adopt is None or len(self.rules) < 2 or self.recorded_spec.auto_apply:
            return self
        return Rulebook(self.environment, self.rules[:-1], self.parsed, held=_awaits_a_plan(self.environment))

    def spec_of(self, rules: Rules) -> EnvironmentSpec:
        return self.parsed[rules.environment_blob].spec

    def for_pin(self, origin: Origin | None) -> tuple[Rules, ...]:
        """The rules in force, and those of the newest Adopt older than the pin's merge (none: the first)."""
        older = self.rules[max(0, origin.adopted_before - 1)] if origin else self.rules[0]
        return (self.in_force,) if older.identity == self.in_force.identity else (self.in_force, older)


def touched(problems: Iterable[Problem]) -> frozenset[tuple[str, str]]:
    """What errors hold back, as `Problem.touches` names it."""
    return frozenset(touch for problem in problems if problem.severity == "error" for touch in problem.touches)


def rulebooks(world: World) -> dict[str, Rulebook]:
    """The rulebook of every environment that has rules, by name, in the order of the names."""
    return {name: book for name in sorted(world.ledgers) if (book := open_rulebook(world, name))}


def open_rulebook(world: World, environment: str) -> Rulebook | None:
    """The rulebook of an environment, with its Adopt or what holds it; None where no rules can be read at all."""
    recorded = tuple(world.ledgers[environment].rules)
    candidate = world.candidates.get(environment)
    if candidate is None or ("environment", environment) in touched(world.source.problems):
        return Rulebook(environment, recorded, world.parsed) if recorded else None
    if not recorded:
        adopt = Adopt(environment, candidate, "first rules of this environment: trusted, and shown as such")
        return Rulebook(environment, (candidate,), world.parsed, adopt)
    in_force = recorded[-1]
    if candidate.identity == in_force.identity:
        return Rulebook(environment, recorded, world.parsed)
    return _change(world, environment, recorded, candidate)


def _change(world: World, environment: str, recorded: tuple[Rules, ...], candidate: Rules) -> Rulebook:
    in_force = recorded[-1]
    kind = required(world.parsed[in_force.environment_blob].spec.policy)
    origins = world.rule_origins.get(environment, ())
    edited = world.source.commit is None
    found: list[Evidence] = []
    for origin in origins or (None,):
        evidence = find(origin, kind, in_force)
        if isinstance(evidence, Lacking):
            if edited or (origin is not None and not origin.in_main):
                continue
            return Rulebook(environment, recorded, world.parsed, held=_not_adopted(environment, evidence))
        found.append(evidence)
    pending = "" if all(origin.in_main for origin in origins) and not edited else to_bring(kind)
    newest = found[0] if found else Evidence(kind="none")
    rules = candidate.model_copy(update={"evidence": newest})
    adopt = Adopt(environment, rules, _reason(in_force, candidate), pending)
    return Rulebook(environment, (*recorded, rules), world.parsed, adopt)


def _reason(before: Rules, after: Rules) -> str:
    changed = [
        name
        for name, old, new in (
            ("its file", before.environment_blob, after.environment_blob),
            ("its allowed signers", before.signers_blob, after.signers_blob),
        )
        if old != new
    ]
    return f"{' and '.join(changed)} changed since the rules in force"


def _awaits_a_plan(environment: str) -> Held:
    return Held(
        environment=environment,
        model=None,
        version=None,
        reason="saved-plan-only",
        detail="the rules in force say autoApply: false, so that a saved plan adopts others",
        next_step=f"reconciler plan -e {environment} --out FILE, look at it, reconciler apply FILE",
        who="operator",
    )


def _not_adopted(environment: str, lacking: Lacking) -> Held:
    return Held(
        environment=environment,
        model=None,
        version=None,
        reason="rules-not-adopted",
        detail=f"the rules in force stay: {lacking.detail}",
        next_step=lacking.next_step(),
        who="approver",
    )
