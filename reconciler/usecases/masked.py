"""Features at scoring are masked as they were at training: by the masks that the ledger has of the model's own copy."""

from __future__ import annotations

from reconciler.core.copies import other_masks
from reconciler.core.facts import World
from reconciler.core.rulebook import open_rulebook
from reconciler.domain.errors import AuthorMustFix, NeedsPerson
from reconciler.domain.inputs import EnvironmentData
from reconciler.domain.jobs import ModelCard
from reconciler.domain.masks import JOINS, for_features
from reconciler.domain.snapshots import Snapshot
from reconciler.usecases.house import House


def trained_on(world: World, card: ModelCard) -> Snapshot | None:
    """What a ledger has of the copy that a model was trained on; None where no ledger here has it."""
    every = (snapshot for record in world.ledgers.values() for snapshot in record.snapshots)
    return next((snapshot for snapshot in every if snapshot.digest == card.snapshot), None)


def masked_as_trained(world: World, data: EnvironmentData, card: ModelCard) -> EnvironmentData:
    """An environment's own data with the masks of the model's copy, for all but the keys: what is predicted keeps its
    invoice numbers and accounts. Where no ledger has that copy, the environment's own masks."""
    trained = trained_on(world, card)
    masks = trained.masks or {} if trained is not None else data.masks
    owner = open_rulebook(world, trained.copy_of) if trained is not None and trained.copy_of in world.ledgers else None
    key = data.mask_key or (owner.automatic.spec.data.mask_key if owner else None)
    return data.model_copy(update={"masks": for_features(masks), "mask_key": key})


def same_key(world: World, card: ModelCard, key_check: str | None) -> None:
    """Raise NeedsPerson where features were masked with another key than those that the model was trained on."""
    trained = trained_on(world, card)
    if key_check is None or trained is None or trained.mask_key in (None, key_check):
        return
    raise NeedsPerson(
        f"the key of the masks is not the one of the copy that {card.model} {card.version} was trained on",
        next_step="give this runner the key of that copy, or refresh and retrain",
    )


def masked_alike(house: House, world: World, environment: str, card: ModelCard) -> Snapshot:
    """The newest copy of an environment. Raises AuthorMustFix where it masks a field that the model reads otherwise
    than the copy that it was trained on, NeedsPerson where there is none."""
    newest = world.ledgers[environment].newest_snapshot
    if newest is None:
        step = f"reconciler data refresh {environment}"
        raise NeedsPerson(f"{environment} has no snapshot", next_step=step)
    trained = trained_on(world, card)
    if trained is not None and (differ := list(other_masks(trained, newest, _fields(house, card)))):
        raise AuthorMustFix(
            f"the newest copy is not masked as the one that {card.model} {card.version} was trained on: "
            + "; ".join(differ),
            next_step=f"reconciler retrain {card.model}",
        )
    return newest


def _fields(house: House, card: ModelCard) -> set[str]:
    """The fields that a model's features are made of, but for those that only join rows."""
    features = house.tasks[card.task].features if card.task in house.tasks else {}
    read = [features[each.name] for each in card.inputs if each.name in features]
    return {name for feature in read for name in (*feature.needs, *feature.others)} - JOINS
