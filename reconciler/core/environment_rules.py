"""Environments against each other and against the tasks: promotion chains, data, mappings, evidence, gates."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from reconciler.core.filter_rules import Flaw, check_filters
from reconciler.core.readable import Declared
from reconciler.core.recipe_rules import MAPPING, Knowledge, field_of, late_filters, misspelt
from reconciler.domain.gaps import NO_GAPS, Gaps
from reconciler.domain.inputs import EnvironmentData, Input, MappedColumn
from reconciler.domain.manifests import DeployedBelow, EnvironmentSpec, Threshold
from reconciler.domain.masks import faults
from reconciler.domain.problems import close_to
from reconciler.domain.settling import mismatches
from reconciler.domain.signers import unclear
from reconciler.domain.task import FieldSpec, TaskSpec

_EXAM_FILTERS = ("spec", "exam", "filters")
_PROMOTES_FROM = ("spec", "promotesFrom")


def check_environment(
    name: str, environments: Mapping[str, Declared], known: Collection[str], tasks: Iterable[Knowledge]
) -> Iterator[Flaw]:
    """Every flaw of one environment. `known` are the names of all that exist, those that cannot be read too."""
    environment = environments[name]
    spec = environment.spec
    yield from _promotes_from(name, spec, known)
    yield from _copy_of(name, spec, environments, known)
    yield from _places(spec)
    if spec.exam.data_of is not None and spec.exam.data_of not in known:
        summary = f"there is no environment {spec.exam.data_of}"
        yield Flaw(("spec", "exam", "dataOf"), summary, close_to(spec.exam.data_of, list(known)))
    yield from _policy(name, environment)
    yield from _gates(spec)
    filters = [item.model_dump(mode="json", by_alias=True, exclude_none=True) for item in spec.exam.filters]
    for odd in mismatches(spec.data):
        at = (*MAPPING[odd.table], *odd.at)
        yield Flaw(at, odd.summary, odd.next_step, needs=(MAPPING["invoices"], MAPPING["settlements"]))
    for knowledge in tasks:
        yield from _mapping("invoices", spec.data.invoices, knowledge.task)
        yield from _mapping("customers", spec.data.customers, knowledge.task)
        yield from _mapping("settlements", spec.data.settlements, knowledge.task)
        for fault in faults(spec.data.masks, spec.data.mask_key, knowledge.task):
            yield Flaw(("spec", "data", "masks", fault.field), fault.what, fault.next_step)
        yield from _accepted(spec.data, knowledge.task)
        yield from check_filters(filters, knowledge.task.fields, _EXAM_FILTERS)
        yield from late_filters(filters, knowledge, _EXAM_FILTERS)


def loops(environments: Mapping[str, Declared]) -> list[tuple[str, ...]]:
    """Each loop of `promotesFrom` once, from its first name in the alphabet on."""
    found: set[tuple[str, ...]] = set()
    for start in environments:
        walk: list[str] = []
        name: str | None = start
        while name in environments and name not in walk:
            assert name is not None  # noqa: S101  None is no key
            walk.append(name)
            name = environments[name].spec.promotes_from
        if name in walk:
            loop = walk[walk.index(name) :]
            first = loop.index(min(loop))
            found.add((*loop[first:], *loop[:first]))
    return sorted(found)


def _promotes_from(name: str, spec: EnvironmentSpec, known: Collection[str]) -> Iterator[Flaw]:
    if spec.promotes_from is not None and spec.promotes_from not in known:
        others = [other for other in known if other != name]
        summary = f"there is no environment {spec.promotes_from}"
        yield Flaw(("spec", "promotesFrom"), summary, close_to(spec.promotes_from, others))


def _copy_of(
    name: str, spec: EnvironmentSpec, environments: Mapping[str, Declared], known: Collection[str]
) -> Iterator[Flaw]:
    at = ("spec", "data", "copyOf")
    other = spec.data.copy_of
    if other is None:
        if spec.training is not None:
            yield Flaw(at, f"{name} trains, but no environment is named to copy data from", "add data: {copyOf: NAME}")
        elif not spec.data.invoices:
            fix = "map its invoices to predict there"
            needs = (at, MAPPING["invoices"], ("spec", "training"))
            yield Flaw(("spec", "data"), f"{name} has no data", fix, warning=True, needs=needs)
    elif other == name:
        yield Flaw(at, f"{name} cannot be a copy of itself", "name the environment that has the data")
    elif other not in known:
        rest = [candidate for candidate in known if candidate != name]
        yield Flaw(at, f"there is no environment {other}", close_to(other, rest))
    elif other in environments and not _may_have_invoices(environments[other]):
        summary = f"{other} has no invoices to copy"
        yield Flaw(at, summary, f"add data.invoices to environments/{other}.yaml, or name another environment")


def _may_have_invoices(environment: Declared) -> bool:
    return bool(environment.spec.data.invoices) or environment.gaps.hide(("spec", "data", "invoices"))


def _policy(name: str, environment: Declared) -> Iterator[Flaw]:
    spec = environment.spec
    at = ("spec", "policy", "evidence")
    if spec.promotes_from is not None and spec.policy.evidence is None:
        yield Flaw(at, "evidence is missing: promotesFrom asks for it", "add policy: {evidence: signed}, merge or none")
    if spec.policy.evidence == "signed" and environment.signers_text is None:
        file = f"environments/{name}.allowed-signers"
        yield Flaw(at, f"evidence: signed needs {file}", "add it, with a line PRINCIPAL KEYTYPE KEY for each approver")
    doubt = unclear(environment.signers_text or "")
    if doubt is not None:
        summary = f"line {doubt[0]} of environments/{name}.allowed-signers {doubt[1]}"
        yield Flaw(at, summary, "let every line say which one person a key belongs to", beside=True)


def _places(spec: EnvironmentSpec) -> Iterator[Flaw]:
    """Stores and targets are written to: never inside a .git folder, where git would run or believe what it finds."""
    places = {("artifacts",): spec.artifacts, ("snapshots",): spec.snapshots, ("target", "path"): spec.target.path}
    for at, path in places.items():
        if ".git" in (part.lower() for part in path.split("/")):
            yield Flaw(
                ("spec", *at), f"{path} is inside a .git folder", "name a folder of its own, as .reconciler/store"
            )


def _gates(spec: EnvironmentSpec) -> Iterator[Flaw]:
    for position, gate in enumerate(spec.gates):
        at = ("spec", "gates", position)
        if isinstance(gate, DeployedBelow) and spec.promotes_from is None:
            summary = "deployed-below needs an environment below, and there is no promotesFrom"
            yield Flaw((*at, "kind"), summary, "add promotesFrom, or take the gate out", needs=(_PROMOTES_FROM,))
        if isinstance(gate, Threshold) and gate.at_most is not None and gate.at_least is not None:  # noqa: SIM102
            if gate.at_most < gate.at_least:
                summary = f"no figure is at most {gate.at_most} and at least {gate.at_least}"
                yield Flaw((*at, "atMost"), summary, "make atMost the larger one, or take one of the two out")


def _mapping(table: str, written: Input | None, task: TaskSpec) -> Iterator[Flaw]:
    if written is None:
        return
    yield from _time_zone(("spec", "data", table), written)
    at = ("spec", "data", table, "mapping")
    names = {spec.name for spec in task.fields.values() if spec.table == table}
    for name, column in written.mapping.items():
        found = field_of(task, table, name)
        if found is None:
            yield Flaw((*at, name), f"{table} have no field {name}", close_to(name, names))
        elif isinstance(column, MappedColumn):
            yield from _column((*at, name), column, found[1])
            yield from _days_after((*at, name), column, written, _dates(task, table))
    required = {spec.name for spec in task.fields.values() if spec.table == table and spec.required}
    for name in sorted(required - set(written.mapping) - misspelt(task, table, written)):
        fix = f"add {name}: COLUMN, or {name}: {{constant: VALUE}}"
        yield Flaw(at, f"{name} is not mapped", fix, needs=((*at, name),))


def _dates(task: TaskSpec, table: str) -> list[str]:
    return [spec.name for spec in task.fields.values() if spec.table == table and spec.type == "date"]


def _days_after(at: tuple[str, ...], column: MappedColumn, written: Input, dates: Sequence[str]) -> Iterator[Flaw]:
    """What is wrong with a date that is so many days after another."""
    if column.add_days_to is None:
        return
    place, begins = (*at, "addDaysTo"), written.mapping.get(column.add_days_to)
    if column.add_days_to not in dates or column.add_days_to == at[-1]:
        others = ", ".join(name for name in dates if name != at[-1])
        yield Flaw(place, f"no days can be added to {column.add_days_to}", f"one of: {others}")
    elif begins is None or (isinstance(begins, MappedColumn) and begins.add_days_to is not None):
        yield Flaw(place, f"{column.add_days_to} is not read from a column of dates", f"map {column.add_days_to}")
    if column.date_format is not None:
        yield Flaw((*at, "dateFormat"), "the column holds days, which have no format", "take dateFormat out")


def _time_zone(at: tuple[str, ...], written: Input) -> Iterator[Flaw]:
    if not re.fullmatch(r"[A-Za-z0-9_+/-]+", written.time_zone):
        yield Flaw((*at, "timeZone"), f"{written.time_zone} is no time zone", "write it as Europe/Oslo, or UTC")


def _accepted(data: EnvironmentData, task: TaskSpec) -> Iterator[Flaw]:
    """What the data's owner accepts of the leak guard is about fields that it can have findings about."""
    fields = {name for name, spec in task.fields.items() if spec.table != "settlements" and not spec.answer}
    for name in data.guard.accepted:
        at = ("spec", "data", "guard", "accepted", name)
        if name in task.fields and task.fields[name].answer:
            yield Flaw(
                at, f"{name} is the outcome or follows from it: nothing found of it can be accepted", "take it out"
            )
        elif name not in fields:
            yield Flaw(at, f"the leak guard looks at no field {name}", close_to(name, fields))


def _column(at: tuple[str, ...], column: MappedColumn, spec: FieldSpec) -> Iterator[Flaw]:
    wrong = {
        "dateFormat": column.date_format is not None and spec.type != "date",
        "addDaysTo": column.add_days_to is not None and spec.type != "date",
        "decimal": column.decimal != "." and spec.type not in ("number", "whole"),
        "currencyMark": column.currency_mark is not None and spec.type != "number",
        "negate": column.negate and spec.type != "number",
        "trueValues": bool(column.true_values) and spec.type != "flag",
        "falseValues": bool(column.false_values) and spec.type != "flag",
        "values": bool(column.values) and spec.type != "text" and column.add_days_to is None,
    }
    if column.known_at == "invoice-date" and (spec.answer or spec.table == "settlements"):
        summary = f"{spec.name} is the outcome or follows from it: it is never known at the invoice date"
        yield Flaw((*at, "knownAt"), summary, "take knownAt out")
    for key, is_wrong in wrong.items():
        if is_wrong:
            yield Flaw((*at, key), f"{key} does not fit {spec.name}, which is of type {spec.type}", f"take {key} out")


def data_of_training(environments: Mapping[str, Declared]) -> tuple[EnvironmentData | None, Gaps]:
    """The data that models are trained on, with the gaps of its file: that of the environment which the training one
    copies; None where that cannot be told."""
    training = [found for found in environments.values() if found.spec.training is not None]
    copied = {found.spec.data.copy_of for found in training}
    name = next(iter(copied)) if len(copied) == 1 else None
    if name is None or name not in environments:
        return None, NO_GAPS
    data, gaps = environments[name].spec.data, environments[name].gaps
    return (data if data.invoices is not None else None), gaps
