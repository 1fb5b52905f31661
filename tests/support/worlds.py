"""A shop on fakes: sandbox trains, production promotes from it. Its people write, merge, refresh, apply.

shop = Shop()                                  # both environments, empty releases, refreshed
shop.add("1.0.0")                              # a merged ModelVersion
shop.pin("sandbox", "1.0.0")                   # a merged pin
shop.apply()                                   # → Applied
shop.promote("1.0.0")                          # a merged pin of production, with its digest
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from reconciler.core.plan_format import action_kind
from reconciler.domain.plan import Action, Held, Plan
from reconciler.domain.receipts import Receipt
from reconciler.domain.record import Record
from reconciler.testing import (
    FakeLease,
    Fakes,
    FakeStore,
    FakeTarget,
    environment,
    environment_path,
    fake_house,
    model_version,
    release,
    release_path,
    signers,
    signers_path,
    version_path,
)
from reconciler.usecases.apply import Applied, apply
from reconciler.usecases.plan import Planned, plan
from reconciler.usecases.refresh import refresh
from reconciler.usecases.survey import Ask

MODEL = "payment"
DATA = {"invoices": {"source": {"kind": "csv", "path": "invoices.csv"}, "mapping": {"amount": "Amount"}}}
GATES: list[dict[str, Any]] = [{"kind": "beats-baselines"}, {"kind": "deployed-below"}]
OTHER_DIGEST = "sha256:" + "0" * 64


class Shop:
    """A repository with its people, on fakes. Keyword arguments change the specs of the two environments."""

    def __init__(
        self,
        *,
        sandbox: Mapping[str, Any] | None = None,
        production: Mapping[str, Any] | None = None,
        approvers: tuple[str, ...] = (),
        refreshed: bool = True,
    ) -> None:
        self.fakes = Fakes()
        self.git = self.fakes.git
        self.clock = self.fakes.clock
        self.trainer = self.fakes.trainer
        self.ledger = self.fakes.ledger
        self.specs: dict[str, dict[str, Any]] = {
            "sandbox": {"data": {"copyOf": "production"}, "training": {}, **(sandbox or {})},
            "production": {
                "promotesFrom": "sandbox",
                "data": DATA,
                "gates": GATES,
                "policy": {"evidence": "merge", "requireDigest": True},
                **(production or {}),
            },
        }
        self.pins: dict[str, dict[str, dict[str, Any]]] = {"sandbox": {}, "production": {}}
        files = {signers_path("production"): signers(*approvers)} if approvers else {}
        for name in self.specs:
            files |= {environment_path(name): self.environment(name), release_path(name): self.release(name)}
        self.git.commit({**files}, "begin")
        self.house = fake_house(self.fakes)
        if refreshed:
            self.refresh()

    # --- files ------------------------------------------------------------------------------------------

    def environment(self, name: str, **changes: Any) -> bytes:
        """An environment's file, with changes that stay."""
        self.specs[name].update(changes)
        return environment(name, **self.specs[name])

    def release(self, name: str) -> bytes:
        """A release's file as the pins stand."""
        return release(name, self.pins[name])

    # --- people -----------------------------------------------------------------------------------------

    def merge(self, changes: Mapping[str, bytes | None], **how: Any) -> str:
        """A merged pull request."""
        return self.git.merge(changes, **how)

    def push(self, changes: Mapping[str, bytes | None], **how: Any) -> str:
        """A direct commit to main."""
        return self.git.commit(changes, **how)

    def add(self, version: str, *, model: str = MODEL, **spec: Any) -> None:
        """A merged ModelVersion."""
        self.merge({version_path(model, version): model_version(model, version, **spec)})

    def pinned(self, name: str, version: str | None, *, model: str = MODEL, **pin: Any) -> dict[str, bytes | None]:
        """The change of a release that pins a version (None: takes the pin away)."""
        if version is None and not pin:
            self.pins[name].pop(model, None)
        else:
            self.pins[name][model] = {**({"version": version} if version else {}), **pin}
        return {release_path(name): self.release(name)}

    def pin(self, name: str, version: str | None, *, how: Mapping[str, Any] | None = None, **pin: Any) -> str:
        """A merged pin."""
        return self.merge(self.pinned(name, version, **pin), **(how or {}))

    def promotion(self, version: str, **pin: Any) -> dict[str, bytes | None]:
        """The change that promotes a trained version to production: its digest is in the sandbox's ledger."""
        return self.pinned("production", version, digest=self.digest(version), **pin)

    def promote(self, version: str, *, how: Mapping[str, Any] | None = None, **pin: Any) -> str:
        """A merged promotion."""
        return self.merge(self.promotion(version, **pin), **(how or {}))

    def change(self, name: str, *, direct: bool = False, **spec: Any) -> str:
        """A merged (or pushed) change of an environment's file."""
        changes = {environment_path(name): self.environment(name, **spec)}
        return self.push(changes) if direct else self.merge(changes)

    def refresh(self, *, day: date | None = None) -> None:
        """A fresh copy of production's data in the sandbox."""
        if day is not None:
            self.fakes.data.data_date = day
        refresh(self.house, "sandbox")

    def in_production(self, *versions: str) -> Shop:
        """Train, judge and promote versions one after the other; each serves in both environments."""
        for version in versions:
            self.add(version)
            self.pin("sandbox", version)
            self.apply()
            self.promote(version)
            self.apply()
        return self

    # --- machines ---------------------------------------------------------------------------------------

    def apply(self, *, lease: FakeLease | None = None, retry: bool = False, **more: Any) -> Applied:
        """What CI runs."""
        house = fake_house(self.fakes, lease=lease) if lease else self.house
        return apply(house, Ask(retry=retry), **more)

    def planned(self, revision: str | None = "HEAD", **asked: Any) -> Planned:
        """What `plan` finds."""
        return plan(self.house, Ask(revision=revision, **asked))

    def plan(self, revision: str | None = "HEAD", **asked: Any) -> Plan:
        """The plan alone."""
        return self.planned(revision, **asked).plan

    def wait(self, **time: float) -> None:
        """Time passes."""
        self.clock.advance(timedelta(**time))

    # --- what there is ----------------------------------------------------------------------------------

    def record(self, name: str) -> Record:
        """What an environment's ledger says."""
        return self.ledger.read(name).record

    def receipts(self, name: str) -> list[Receipt]:
        """An environment's receipts, oldest first."""
        return [receipt for _, receipt in self.ledger.receipts(name)][::-1]

    def digest(self, version: str, model: str = MODEL) -> str:
        """The digest of a trained version."""
        digest = self.record("sandbox").artifacts[model][version].digest
        assert digest is not None
        return digest

    def serves(self, name: str, model: str = MODEL) -> str | None:
        """The version that the ledger and the target agree on; None where there is none."""
        deployment = self.record(name).deployments.get(model)
        found = self.target(name).observe().models.get(model)
        digests = (deployment.digest if deployment else None, found.digest if found else None)
        assert digests[0] == digests[1], f"ledger and target of {name} differ: {digests}"
        return deployment.version if deployment else None

    def target(self, name: str) -> FakeTarget:
        """An environment's target."""
        return self.fakes.targets[f"targets/{name}"]

    @property
    def store(self) -> FakeStore:
        """The store that both environments have by default."""
        return self.fakes.stores[".reconciler/store"]


def told(action: Action) -> str:
    """An action in a few words: `deploy production payment 1.0.0`."""
    parts = [action_kind(action), getattr(action, "for_environment", action.environment)]
    return " ".join([*parts, *(str(getattr(action, name)) for name in ("model", "version") if hasattr(action, name))])


def actions(plan: Plan) -> list[str]:
    """The actions of a plan, each in a few words, in order."""
    return [told(action) for action in plan.actions]


def reasons(plan: Plan) -> list[tuple[str, str]]:
    """(environment, reason) of everything that is held."""
    return [(held.environment, held.reason) for held in plan.held]


def only_held(plan: Plan) -> Held:
    """The one thing that is held."""
    assert len(plan.held) == 1, [(h.environment, h.reason, h.detail) for h in plan.held]
    return plan.held[0]


def as_json(value: Any) -> bytes:
    """Bytes that show every difference."""
    return json.dumps(value, sort_keys=False).encode()
