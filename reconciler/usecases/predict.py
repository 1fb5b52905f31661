"""Give every open invoice its probabilities, with exactly the bytes that the ledger says are deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from reconciler.core.facts import World
from reconciler.core.rulebook import Rulebook
from reconciler.domain import oci
from reconciler.domain.errors import AuthorMustFix, NeedsPerson, VerificationFailed
from reconciler.domain.jobs import ModelCard
from reconciler.domain.masks import Mask, in_words
from reconciler.domain.names import short_digest
from reconciler.usecases.house import House
from reconciler.usecases.masked import masked_alike, masked_as_trained, same_key
from reconciler.usecases.refresh import refuse_future
from reconciler.usecases.survey import Ask, rulebook_of, survey

_OLD = timedelta(days=35)


@dataclass(frozen=True)
class Predicted:
    """The rows as columns, and what they were made with. `newest` is the date of the newest invoice or settlement in
    the data; `copied` tells that this is a recorded copy, which only a refresh makes newer. `masked`: column → how what
    it shows is masked, as `round 10`."""

    columns: Mapping[str, list[Any]]
    model: str
    version: str
    digest: str
    as_of: date
    hindsight: bool
    newest: date
    copied: bool
    masked: Mapping[str, str]

    @property
    def rows(self) -> int:
        return len(self.columns["invoice"])

    @property
    def stale(self) -> bool:
        """True where the data ends so long before as-of that invoices and payments are missing, for all we know."""
        return self.as_of - self.newest > _OLD


def predict(
    house: House, *, environment: str, model: str | None = None, as_of: date | None = None, hindsight: bool = False
) -> Predicted:
    """Predict the invoices open at `as_of` (default: the snapshot's data date where the environment is a copy, else
    today). Raises NeedsPerson where nothing is deployed, AuthorMustFix for an as-of before the model's
    `trainedUntil` without `hindsight`, VerificationFailed where the target's bytes are not the recorded ones."""
    world = survey(house, Ask(revision=house.history.main_tip()))
    book = rulebook_of(world, environment)
    name = _model(world, environment, model)
    version, digest, files = _deployed(house, world, book, name)
    card = ModelCard.read(files[oci.CARD_FILE])
    refuse_future(house, as_of)
    with _data(house, world, book, card, as_of) as found:
        day, folder = found.day, found.folder
        seen = day < date.fromisoformat(card.trained_until)
        if seen and not hindsight:
            raise AuthorMustFix(
                f"as-of {day} lies before {card.trained_until}, up to which {name} {version} has seen the outcomes",
                next_step=f"take --as-of {card.trained_until} or later, or --hindsight, which marks the rows",
            )
        columns = house.scorer.predict(
            model=files[oci.MODEL_FILE], card=card, snapshot=folder, as_of=day, progress=house.progress
        )
    labels: dict[str, Any] = {"model": name, "version": version, "digest": digest, "as_of": day}
    labels |= {"hindsight": "yes"} if seen else {}
    masked = {field: how for field, how in in_words(found.masks).items() if field in columns}
    labels |= {"masked": "; ".join(f"{field}: {how}" for field, how in masked.items())} if masked else {}
    rows = len(columns["invoice"])
    columns = {**columns, **{label: [value] * rows for label, value in labels.items()}}
    copied = book.spec.data.copy_of is not None
    return Predicted(columns, name, version, digest, day, seen, found.newest, copied, masked)


def _model(world: World, environment: str, model: str | None) -> str:
    serving = sorted(d.model for d in world.ledgers[environment].deployments.values() if d.digest)
    if model is None and len(serving) == 1:
        return serving[0]
    if model in serving:
        return model
    if environment in world.rewritten:
        raise VerificationFailed(
            f"ledger/{environment} is missing or was rewritten: the target of {environment} remembers a commit that it "
            "does not contain",
            next_step=f"restore ledger/{environment} from a copy",
        )
    if not serving:
        raise NeedsPerson(f"{environment} serves no model", next_step="pin one, merge, reconciler apply")
    known = ", ".join(serving)
    what = f"{environment} does not serve {model!r}" if model else f"{environment} serves more than one model"
    raise AuthorMustFix(what, next_step=f"name one with --model: {known}")


def _deployed(house: House, world: World, book: Rulebook, name: str) -> tuple[str, str, Mapping[str, bytes]]:
    """Version, digest and bytes: hashed and read in one go, and equal to what the ledger says."""
    observed, files = house.open_target(book.environment, book.spec.target).files(name)
    deployment = world.ledgers[book.environment].deployments[name]
    if deployment.digest != observed.digest or deployment.version is None or deployment.digest is None:
        raise VerificationFailed(
            f"the target of {book.environment} holds {short_digest(observed.digest)} of {name}, "
            f"and the ledger says {short_digest(deployment.digest)}",
            next_step="reconciler apply heals it",
        )
    return deployment.version, deployment.digest, files


@dataclass(frozen=True)
class _Data:
    """A snapshot's folder, the as-of date, the date of its newest row, and how its fields are masked."""

    folder: Path
    day: date
    newest: date
    masks: Mapping[str, Mask]


@contextmanager
def _data(house: House, world: World, book: Rulebook, card: ModelCard, as_of: date | None) -> Iterator[_Data]:
    """The newest recorded copy, or production's own data read now. Features are masked as those that the model was
    trained on."""
    if book.spec.data.copy_of is not None:
        snapshot = masked_alike(house, world, book.environment, card)
        taken = date.fromisoformat(snapshot.data_date)
        store = house.open_snapshots(book.spec.snapshots, house.progress)
        folder = store.folder(snapshot.digest)
        yield _Data(folder, as_of or taken, store.newest(snapshot.digest) or taken, snapshot.masks or {})
        return
    if book.spec.data.invoices is None:
        raise AuthorMustFix(
            f"{book.environment} says nothing of where its invoices are",
            next_step=f"add data.invoices to environments/{book.environment}.yaml",
        )
    day = as_of or house.clock.now().date()
    data = masked_as_trained(world, book.spec.data, card)
    with house.data.extract(data, day, house.progress) as extract, house.scratch() as scratch:
        same_key(world, card, extract.key_check)
        folder = scratch.folder(scratch.keep(extract, house.progress).digest)
        yield _Data(folder, day, extract.newest or day, data.masks)
