"""What is killed: a chain of days in the company's life. Each scene is what one command finds on one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.support.crash_house import Company

#: scene → the command that is run and killed in it
SCENES = {
    "first refresh": "refresh",
    "first apply": "apply",
    "second refresh": "refresh",
    "promotion to a store of its own": "apply",
    "rollback": "apply",
    "withdrawal": "apply",
    "healing": "apply",
    "refresh from a database": "refresh",
}
#: Those that put a fresh copy in the place of an older one, which a model serves from.
REPLACING = ("second refresh", "refresh from a database")


def chain(company: Company) -> Iterator[str]:
    """Live through it; at each name the company stands where that scene begins."""
    company.found()
    yield "first refresh"
    company.refresh()
    yield "first apply"
    company.apply()
    company.write_data(108)
    yield "second refresh"
    company.refresh()
    company.pin("production", "1.0.0")
    yield "promotion to a store of its own"
    company.apply()
    company.add("1.1.0")
    company.pin("sandbox", "1.1.0")
    company.apply()
    company.pin("production", "1.1.0")
    company.apply()
    company.pin("production", "1.0.0")
    yield "rollback"
    company.apply()
    company.damage()
    yield "healing"
    company.apply()
    company.pin("production", None)
    yield "withdrawal"
    company.apply()
    company.move_to_database(144)
    company.apply()
    yield "refresh from a database"


def command(company: Company, scene: str) -> Callable[[], object]:
    """What is run in a scene."""
    return company.refresh if SCENES[scene] == "refresh" else company.apply
