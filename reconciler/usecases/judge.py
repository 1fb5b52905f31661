"""Judge a version now, by an environment's exam, and record it: what apply would do by itself for a promotion."""

from __future__ import annotations

from reconciler.core import judging
from reconciler.core.data_gates import limits_of
from reconciler.core.diff import downstream, trainer_of
from reconciler.core.facts import World
from reconciler.core.rulebook import rulebooks
from reconciler.domain.errors import AuthorMustFix, NeedsPerson
from reconciler.domain.plan import Held, Judge
from reconciler.domain.receipts import JudgeReceipt
from reconciler.domain.record import Artifact, Judgement
from reconciler.usecases.forward import forward_only
from reconciler.usecases.house import House
from reconciler.usecases.leases import Leases
from reconciler.usecases.perform import perform
from reconciler.usecases.run import begin_run
from reconciler.usecases.survey import Ask, rulebook_of, survey


def judge(house: House, named: str, *, for_environment: str) -> tuple[Judgement, bool]:
    """The current judgement of `MODEL@VERSION` (or of what is deployed below), and whether it was made just now.

    Raises AuthorMustFix where there is no such artifact, NeedsPerson where the judging failed."""
    house.history.fetch()
    world = _world(house)
    trainer, asked = _asked(world, named, for_environment)
    if isinstance(asked, Judgement):
        return asked, False
    with Leases(house) as leases:
        leases.take([trainer])
        house.history.fetch()
        world = _world(house)
        trainer, asked = _asked(world, named, for_environment)
        if isinstance(asked, Judgement):
            return asked, False
        house.history.keep_source(trainer, forward_only(house, world, [trainer]))
        receipt = perform(begin_run(house, world, leases, trainer=trainer), asked)
    if not isinstance(receipt, JudgeReceipt) or receipt.judgement is None:
        raise NeedsPerson(f"judging failed: {receipt.reason}", next_step="reconciler show says what the recipe is")
    return receipt.judgement, True


def _world(house: House) -> World:
    return survey(house, Ask(revision=house.history.main_tip(), retry=True))


def _asked(world: World, named: str, environment: str) -> tuple[str, Judge | Judgement]:
    book = rulebook_of(world, environment)
    books = rulebooks(world)
    trainer = trainer_of(books)
    if trainer is None:
        raise NeedsPerson("there is not exactly one training environment", next_step="reconciler validate")
    model, _, version = named.partition("@")
    artifact = _artifact(world, trainer, model, version, book.spec.promotes_from)
    here = world.ledgers[environment].deployments.get(model)
    bench = judging.Bench(trainer, world.ledgers[trainer], limits_of(books, trainer), world.now, retry=True)
    rows = judging.rows_of(environment, book.spec, downstream(books, environment))
    bench = judging.bench_for(bench, book.spec, rows)
    challenger = judging.Challenger(
        environment=environment,
        model=model,
        version=artifact.version,
        digest=artifact.digest or "",
        champion=here if here and here.digest and here.digest != artifact.digest else None,
        exam=book.spec.exam,
    )
    answer = judging.ask(bench, challenger)
    if isinstance(answer, Held):
        raise NeedsPerson(answer.detail, next_step=answer.next_step)
    return trainer, answer


def _artifact(world: World, trainer: str, model: str, version: str, below: str | None) -> Artifact:
    if not version:
        deployment = world.ledgers[below or trainer].deployments.get(model)
        version = deployment.version or "" if deployment else ""
    artifact = world.ledgers[trainer].artifacts.get(model, {}).get(version)
    if artifact is None or artifact.digest is None:
        raise AuthorMustFix(
            f"{model} {version or '(nothing deployed)'} has no artifact", next_step=f"pin it in {trainer}, apply"
        )
    return artifact
