"""The registry of cases for the rows of docs/planning.md, and what they are told with."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.domain.plan import Held, Plan
from reconciler.testing import version_path
from tests.support.worlds import MODEL, Shop, actions, only_held, reasons

CASES: dict[str, Callable[[], None]] = {}
V1 = version_path(MODEL, "1.0.0")


def row(identity: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def register(case: Callable[[], None]) -> Callable[[], None]:
        assert identity not in CASES, identity
        CASES[identity] = case
        return case

    return register


def only(plan: Plan, *wanted: str) -> None:
    assert actions(plan) == list(wanted)


def nothing_to_do(plan: Plan) -> None:
    assert (actions(plan), reasons(plan)) == ([], [])


def held(plan: Plan, environment: str, reason: str, who: str) -> Held:
    found = only_held(plan)
    assert (found.environment, found.reason, found.who) == (environment, reason, who)
    assert found.next_step
    return found


def trained(**shop: object) -> Shop:
    """1.0.0 serves in the sandbox and is judged for production."""
    made = Shop(**shop)  # type: ignore[arg-type]
    made.add("1.0.0")
    made.pin("sandbox", "1.0.0")
    assert made.apply().exit_code == 0
    return made
