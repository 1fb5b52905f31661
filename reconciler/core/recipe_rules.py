"""A ModelVersion's spec against its task: outcomes, features known at the invoice date, estimator, filters.

Works on the spec as written, so that thousands of versions are checked without building their models. Of a file with
faults parts may be missing, and items of lists None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reconciler.core.filter_rules import Flaw, check_filters
from reconciler.domain.gaps import NO_GAPS, Gaps, Path
from reconciler.domain.inputs import ConstantField, EnvironmentData, Input, MappedColumn
from reconciler.domain.manifests import Outcomes
from reconciler.domain.problems import close_to, closest, short
from reconciler.domain.task import FeatureSpec, FieldSpec, ParameterSpec, TaskSpec

MAPPING: Mapping[str, Path] = {
    table: ("spec", "data", table, "mapping") for table in ("invoices", "customers", "settlements")
}


@dataclass(frozen=True)
class Knowledge:
    """What a task's recipes may use where the data comes from `data` (None: not known, so nothing is refused). What
    stands in `gaps` of its environment's file is not known either."""

    task: TaskSpec
    data: EnvironmentData | None = None
    gaps: Gaps = NO_GAPS
    names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset((*self.task.groups, *self.task.features)))

    @cached_property
    def denied(self) -> Mapping[str, str]:
        """Feature → the field it needs that is not known at the invoice date, by the mapping or the task."""
        if self.data is None:
            return {}
        return {spec.name: need for spec in self.task.features.values() for need in spec.needs if self._late(need)}

    @cached_property
    def without(self) -> Mapping[str, str]:
        """Feature → the field of settled invoices that it reads, and that the data does not have."""
        if self.data is None:
            return {}
        features = self.task.features.values()
        return {spec.name: name for spec in features for name in spec.only_with if name not in self.mapped}

    @cached_property
    def mapped(self) -> Mapping[str, bool]:
        """Mapped field → whether it is known at the invoice date; what is not mapped is not known."""
        if self.data is None:
            return {}
        return {**unclear_fields(self.task, self.data, self.gaps), **declared_known(self.task, self.data, self.gaps)}

    @cached_property
    def named(self) -> Mapping[str, Sequence[FeatureSpec]]:
        """Name of a feature or group → the features that it names."""
        every = self.task.features.values()
        return {name: [spec for spec in every if name in (spec.name, spec.group)] for name in self.names}

    def _late(self, need: str) -> bool:
        """A name that invoices and customers share (`country`) is late where either mapped one is: a feature may
        fall back from one to the other."""
        known = [self.mapped[name] for name in (need, f"customers.{need}") if name in self.mapped]
        return not known or not all(known)

    def selected(self, features: Mapping[str, Any]) -> list[str]:
        """The features that `include` and `exclude` leave, in the order of the catalogue: of a group, those that
        are known at the invoice date and that the data can give; single ones as named."""
        asked = frozenset(features.get("include", ())), frozenset(features.get("exclude", ()))
        if asked not in self._selections:  # of a thousand versions most ask for the same
            self._selections[asked] = self._select(*asked)
        return self._selections[asked]

    @cached_property
    def _selections(self) -> dict[tuple[frozenset[str], frozenset[str]], list[str]]:
        return {}

    def _select(self, chosen: frozenset[str], left: frozenset[str]) -> list[str]:
        return [
            spec.name
            for spec in self.task.features.values()
            if not {spec.name, spec.group} & left
            and (spec.name in chosen or (spec.group in chosen and self._comes_with_its_group(spec)))
        ]

    def _comes_with_its_group(self, spec: FeatureSpec) -> bool:
        return not (spec.by_name or spec.name in self.denied or spec.name in self.without)


def field_of(task: TaskSpec, table: str, name: str) -> tuple[str, FieldSpec] | None:
    """(key, spec) of the task's field that a mapping of `table` calls `name`; None where there is none."""
    for key in (name, f"{table}.{name}"):
        spec = task.fields.get(key)
        if spec is not None and spec.table == table and spec.name == name:
            return key, spec
    return None


def declared_known(task: TaskSpec, data: EnvironmentData, gaps: Gaps = NO_GAPS) -> dict[str, bool]:
    """Mapped field → whether it is known at the invoice date, or may be for all that can be read."""
    known: dict[str, bool] = {}
    for table, table_input in (("invoices", data.invoices), ("customers", data.customers)):
        for name, written in (table_input.mapping if table_input else {}).items():
            found = field_of(task, table, name)
            if found is not None:
                said = written.known_at if isinstance(written, MappedColumn) else None
                constant = isinstance(written, ConstantField)
                hidden = gaps.hide((*MAPPING[table], name, "knownAt"))
                known[found[0]] = constant or hidden or (said or found[1].known_at) == "invoice-date"
    return known


def unclear_fields(task: TaskSpec, data: EnvironmentData, gaps: Gaps) -> dict[str, bool]:
    """Field → True for those that may be mapped and known, for all that can be read: under a gap, or misspelt."""
    unclear: dict[str, bool] = {}
    for table, at in MAPPING.items():
        table_input: Input | None = getattr(data, table, None)
        meant = misspelt(task, table, table_input)
        for key, spec in task.fields.items():
            if spec.table == table and (spec.name in meant or gaps.hide((*at, spec.name))):
                unclear[key] = True
    return unclear


def misspelt(task: TaskSpec, table: str, written: Input | None) -> set[str]:
    """The fields that a mapping of `table` most likely means by names that the task has not."""
    names = {spec.name for spec in task.fields.values() if spec.table == table}
    strange = (name for name in (written.mapping if written else ()) if field_of(task, table, name) is None)
    return {meant for name in strange if (meant := closest(name, names))}


def check_recipe(spec: Mapping[str, Any], knowledge: Knowledge) -> Iterator[Flaw]:
    """Every flaw of a ModelVersion's spec, with its path from the document's root."""
    yield from _outcomes(spec.get("outcomes", {}))
    yield from _features(spec.get("features", {}), knowledge)
    yield from _reasons(spec.get("features", {}), knowledge.task)
    yield from _estimator(spec.get("estimator", {}), knowledge.task)
    filters = spec.get("data", {}).get("filters", ())
    if filters:
        at = ("spec", "data", "filters")
        yield from check_filters(filters, knowledge.task.fields, at)
        yield from late_filters(filters, knowledge, at)


def late_filters(filters: Sequence[Any], knowledge: Knowledge, at: tuple[str | int, ...]) -> Iterator[Flaw]:
    """A flaw for each filter on a field that is not known at the invoice date: it picks rows by what came later."""
    if knowledge.data is None:
        return
    todo: list[tuple[tuple[str | int, ...], Any]] = [((*at, position), item) for position, item in enumerate(filters)]
    while todo:
        path, item = todo.pop(0)
        if item is None:
            continue
        name = item.get("field")
        if name in knowledge.task.fields and not knowledge.mapped.get(name, False):
            fix = f"declare knownAt: invoice-date where {name} is mapped, if that is true, or take the filter out"
            yield Flaw((*path, "field"), f"{name} is not known at the invoice date in this data", fix)
        for group in ("all", "any"):
            todo += [((*path, group, position), inner) for position, inner in enumerate(item.get(group, ()))]
        if "not" in item:
            todo.append(((*path, "not"), item["not"]))


def _outcomes(written: Mapping[str, Any]) -> Iterator[Flaw]:
    late = written.get("lateAfterDays", Outcomes.model_fields["late_after_days"].default)
    very = written.get("veryLateAfterDays", Outcomes.model_fields["very_late_after_days"].default)
    if very != 0 and very <= late:
        key = "veryLateAfterDays" if "veryLateAfterDays" in written else "lateAfterDays"
        summary = f"very late (from {very} days) has to begin after late (after {late} days)"
        needs = (("spec", "outcomes", "lateAfterDays"), ("spec", "outcomes", "veryLateAfterDays"))
        fix = "write a larger veryLateAfterDays, or 0 for two outcomes"
        yield Flaw(("spec", "outcomes", key), summary, fix, needs=needs)


def _features(written: Mapping[str, Any], knowledge: Knowledge) -> Iterator[Flaw]:
    at = ("spec", "features")
    unknown: set[str] = set()
    for key in ("include", "exclude"):
        for position, name in enumerate(written.get(key, ())):
            if name is not None and name not in knowledge.names:
                unknown.add(key)
                fix = close_to(name, knowledge.names)
                yield Flaw((*at, key, position), f"there is no feature or group {short(name)}", fix)
    if "include" not in unknown:
        yield from _idle_exclusions(written, knowledge)
    if "exclude" in unknown:
        return
    selected = knowledge.selected(written)
    if not selected and not unknown:
        summary = "no feature is left: all are excluded, or not known at the invoice date"
        yield Flaw(at, summary, "include another group", needs=(at,))
    for position, name in enumerate(written.get("include", ())):
        if name in selected and name in knowledge.denied:
            needed = knowledge.denied[name]
            yield Flaw(
                (*at, "include", position),
                f"feature {name} needs {needed}, which is not known at the invoice date in this data",
                f"declare knownAt: invoice-date where {needed} is mapped, if that is true, or leave {name} out",
                needs=((*at, "exclude"),),
            )
        elif name in selected and name in knowledge.without:
            read = knowledge.without[name]
            yield Flaw(
                (*at, "include", position),
                f"feature {name} reads {read} of settled invoices, which this data does not have",
                f"map {read} in the environment's data.invoices.mapping, or leave {name} out",
                needs=((*at, "exclude"),),
            )


def _idle_exclusions(written: Mapping[str, Any], knowledge: Knowledge) -> Iterator[Flaw]:
    """Warnings of features and groups that are left out of what does not have them: most likely another was meant."""
    chosen = {name for name in written.get("include", ()) if name is not None}
    at = ("spec", "features", "exclude")
    for position, name in enumerate(written.get("exclude", ())):
        meant = knowledge.named.get(name, ())
        if meant and not any({spec.name, spec.group} & chosen for spec in meant):
            summary = f"{short(name)} is excluded, and nothing that is included has it"
            fix = f"take it out, or include its group ({meant[0].group})"
            yield Flaw((*at, position), summary, fix, warning=True, needs=(("spec", "features", "include"),))


def _reasons(written: Mapping[str, Any], task: TaskSpec) -> Iterator[Flaw]:
    for name in written.get("reasons") or {}:
        if name not in task.fields:
            fix = close_to(name, task.fields)
            yield Flaw(("spec", "features", "reasons", name), f"{short(name)} is no field of the data", fix)


def _estimator(written: Mapping[str, Any], task: TaskSpec) -> Iterator[Flaw]:
    at = ("spec", "estimator")
    if "kind" not in written:
        return
    estimator = task.estimators.get(written["kind"])
    if estimator is None:
        fix = close_to(written["kind"], task.estimators)
        yield Flaw((*at, "kind"), f"there is no estimator {written['kind']}", fix)
        return
    for name, value in written.get("parameters", {}).items():
        path = (*at, "parameters", name)
        parameter = estimator.parameters.get(name)
        if parameter is None:
            fix = close_to(name, estimator.parameters)
            yield Flaw(path, f"{estimator.kind} has no parameter {short(name)}", fix)
        elif not fits(parameter, value):
            summary = f"{name} should be {wanted(parameter)}; this is {_shown(value)}"
            yield Flaw(path, summary, _fitting(parameter, value))


def fits(parameter: ParameterSpec, value: Any) -> bool:
    """Whether a value is of the parameter's type and inside its limits."""
    if value is None:
        return parameter.nullable
    match parameter.type:
        case "flag":
            return isinstance(value, bool)
        case "text":
            return isinstance(value, str) and (not parameter.choices or value in parameter.choices)
        case "whole":
            right = isinstance(value, int) and not isinstance(value, bool)
        case "number":
            right = isinstance(value, (int, float)) and not isinstance(value, bool)
    low, high = parameter.minimum, parameter.maximum
    return right and (low is None or value >= low) and (high is None or value <= high)


def wanted(parameter: ParameterSpec) -> str:
    """What a parameter takes, in words."""
    words = {"flag": "true or false", "text": "text", "whole": "a whole number", "number": "a number"}[parameter.type]
    if parameter.choices:
        words = f"one of {', '.join(parameter.choices)}"
    low, high = parameter.minimum, parameter.maximum
    if low is not None and high is not None:
        words += f" from {low:g} to {high:g}"
    elif low is not None or high is not None:
        words += f" of at least {low:g}" if low is not None else f" of at most {high:g}"
    return f"{words}, or null" if parameter.nullable else words


def _fitting(parameter: ParameterSpec, value: Any) -> str:
    """The next step for a value that does not fit: the limit that it is beyond, else all that fits."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if parameter.maximum is not None and value > parameter.maximum:
            return f"write {parameter.maximum:g} or less"
        if parameter.minimum is not None and value < parameter.minimum:
            return f"write {parameter.minimum:g} or more"
    return f"write {wanted(parameter)}"


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)[:40]
