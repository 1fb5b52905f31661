"""Look at the sources that a repository is to be begun over, and propose what is written of each; nothing is written.

Invoices come first: customers and settlements are looked at beside them, and what is proposed is then tried on all
rows where settlements say when invoices were settled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol
from urllib.parse import urlsplit

from reconciler.core.contact_customers import propose_customers
from reconciler.core.contact_settlements import Settling, propose_settlements
from reconciler.core.first_contact import Proposal, propose, with_number_of_row, without_instalment
from reconciler.core.guess_near import near_misses
from reconciler.core.guess_outcomes import Limits, choose_limits
from reconciler.core.proposed import Mapped, Seen
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.inputs import EnvironmentData
from reconciler.ports import Progress, Sample, TableLook, Trial, Trials
from reconciler.ports.work import Asked, InputName
from reconciler.usecases.house import silent

_SAMPLE = 50_000
#: Fewer settlements than this share with an invoice that is there are worth a word.
FEW = 0.9


class Looks(Protocol):
    """What is needed to look: see `init.Doorstep`."""

    @property
    def look(self) -> TableLook: ...
    @property
    def trials(self) -> Trials: ...


@dataclass(frozen=True)
class Looked:
    """A source that was looked at, and what is proposed for it."""

    sample: Sample
    proposal: Mapped

    def written(self) -> dict[str, object]:
        """Its input, as an environment's file has it."""
        source = self.sample.source.model_dump(by_alias=True, exclude_defaults=True, mode="json")
        nulls = list(self.proposal.null_values)
        return {"source": source, "mapping": self.proposal.mapping(), **({"nullValues": nulls} if nulls else {})}


@dataclass(frozen=True)
class FirstLook:
    """Everything that was looked at, by input, from when on a payment is very late, and as of when."""

    tables: Mapping[InputName, Looked]
    limits: Limits
    as_of: date | None

    @property
    def allow(self) -> tuple[str, ...]:
        """What has to be allowed to read all of it."""
        return tuple(dict.fromkeys(entry for each in self.tables.values() for entry in each.sample.allow))


def asked_of(first: Asked, others: Mapping[InputName, tuple[str | None, str | None]]) -> list[Asked]:
    """What to look at: the invoices' source, and for each other input what was named of it, as (source, table). A table
    alone is one at the invoices' address. Who asks goes to addresses alone, and to one host.

    Raises AuthorMustFix for a table without an address, and for credentials that two hosts would be shown."""
    asked = [first]
    for name, (what, table) in others.items():
        if what is None and table is None:
            continue
        if what is None and not _is_address(first.what):
            raise AuthorMustFix(
                f"--{name}-table names a table, and --from a path", next_step=f"name the source: --{name} SOURCE"
            )
        asked.append(replace(first, what=what or first.what, table=table, of=name))
    addresses = [each for each in asked if _is_address(each.what)]
    hosts = dict.fromkeys(urlsplit(each.what).netloc.rpartition("@")[2] for each in addresses)
    if first.credentials and len(hosts) > 1:
        raise AuthorMustFix(
            f"--credentials is one name, and these are several hosts: {', '.join(hosts)}",
            next_step="begin with the invoices alone, and add the others to environments/production.yaml",
        )
    if not addresses:
        return asked
    return [each if _is_address(each.what) else replace(each, credentials=None, token_url=None) for each in asked]


def _is_address(what: str) -> bool:
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", what) is not None


def look_at(door: Looks, asked: list[Asked], as_of: date | None, *, progress: Progress = silent) -> FirstLook:
    """Look at sources and propose mappings; writes nothing. `asked` begins with the invoices.

    Raises AuthorMustFix where one cannot be what it is named as, or has nothing to do with the invoices."""
    samples = {each.of: door.look.look(each, _SAMPLE, progress) for each in asked}
    said = {each.of: each.said for each in asked}
    day = as_of.isoformat() if as_of else None
    invoices = propose(_seen(samples["invoices"]), day, settlements="settlements" in samples)
    _refuse_missing(said["invoices"], invoices, samples["invoices"])
    proposed: dict[InputName, Mapped] = {}
    if "settlements" in samples:
        settlements = propose_settlements(_seen(samples["settlements"]), invoices.known)
        _refuse_missing(said["settlements"], settlements, samples["settlements"], settlements.strangers)
        _refuse_strangers("settlements", said, settlements.strangers)
        invoices = _as_settled(invoices, settlements)
        proposed["settlements"] = settlements
    if "customers" in samples:
        customers = propose_customers(_seen(samples["customers"]), invoices.known)
        _refuse_missing(said["customers"], customers, samples["customers"])
        _refuse_strangers("customers", said, customers.strangers)
        proposed["customers"] = customers
    order: tuple[InputName, ...] = ("invoices", "customers", "settlements")
    tables = {"invoices": invoices, **proposed}
    return FirstLook({n: Looked(samples[n], tables[n]) for n in order if n in tables}, invoices.limits, as_of)


def _seen(sample: Sample) -> Seen:
    looked = len(sample.columns[0]) if sample.columns else 0
    share = min(1.0, looked / sample.rows) if sample.rows else 1.0
    return Seen(sample.header, sample.columns, sample.delimiter, sample.natives, share)


def _as_settled(invoices: Proposal, settlements: Settling) -> Proposal:
    """The invoices with what the settlements name them by, and without instalments where these know none."""
    if settlements.link is not None and settlements.link.field == "source_id":
        invoices = with_number_of_row(invoices, settlements.link.to)
    named = {choice.field for choice in settlements.fields}
    return invoices if {"instalment", "source_id"} & named else without_instalment(invoices)


def _refuse_missing(said: str, proposal: Mapped, sample: Sample, more: str = "") -> None:
    if not proposal.missing:
        return
    missing = ", ".join(proposal.missing)
    first = "name the settlements, which say when: --settlements SOURCE; or " if missing == "settled_date" else ""
    raise AuthorMustFix(
        f"{said}: no column was recognised as {missing}{f' ({more})' if more else ''}; "
        f"its columns are {_listed(sample.header)}{_nearly(_seen(sample), proposal)}",
        next_step=f"{first}rename the columns that are ({missing}), or make a view that does, or write "
        "environments/production.yaml by hand after init --example",
    )


def _nearly(seen: Seen, proposal: Mapped) -> str:
    near = near_misses(seen, proposal)
    return "\nwhat nearly fitted\n" + "\n".join(f"  {each}" for each in near) if near else ""


def _listed(header: tuple[str, ...]) -> str:
    more = f" and {len(header) - 20} more" if len(header) > 20 else ""
    return ", ".join(header[:20]) + more


def _refuse_strangers(name: InputName, said: Mapping[InputName, str], strangers: str) -> None:
    if strangers:
        what = "settlements is of an invoice" if name == "settlements" else "customers is one"
        raise AuthorMustFix(
            f"{said[name]}: not one of these {what} of {said['invoices']}: {strangers}",
            next_step="let both write it alike (leading zeros, prefixes, a view that does), or name the table that "
            "belongs to these invoices",
        )


def try_out(door: Looks, look: FirstLook, *, progress: Progress = silent) -> tuple[FirstLook, Trial]:
    """Try what is proposed on all rows of invoices and settlements: the look with the limits that its outcomes ask
    for, and what came of it. Raises as `DataSource.extract`, and where no settlement is of any invoice."""
    written = {name: each.written() for name, each in look.tables.items() if name != "customers"}
    data = EnvironmentData.model_validate(written)
    trial = door.trials.try_out(data, look.allow, look.as_of, progress)
    day = look.as_of.isoformat() if look.as_of else None
    return replace(look, limits=choose_limits(trial.dated, trial.due, trial.settled, day)), trial
