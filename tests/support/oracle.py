"""What a deployment needed, worked out a second time and from other sources than the code under test: the JSON of the
files at each commit of main, the receipts of the ledgers, and what the fake trainer was told to say.

Nothing of `reconciler.core` or `reconciler.usecases` is used here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from reconciler.domain.receipts import AdoptReceipt, DeployReceipt, Receipt, WithdrawReceipt
from reconciler.testing import environment_path, release_path, signers_path
from reconciler.testing.git import Written
from tests.support.stories import LIMIT, LOSSES
from tests.support.worlds import MODEL, Shop

NAME = "production"


@dataclass
class Rule:
    """An adopted pair of texts, and the source commit it was adopted from."""

    environment: str
    signers: str
    source: str

    @property
    def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = json.loads(self.environment)["spec"]
        return spec

    @property
    def evidence(self) -> str:
        kind: str = self.spec["policy"].get("evidence") or "none"
        return kind


class Oracle:
    """Goes through production's receipts and complains about each that its rules did not allow."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.commits = shop.git.objects
        self.adopted: list[Rule] = []
        self.served: dict[str, datetime | None] = {}
        self.revoked: set[str] = set()
        self.present: str | None = None

    def complaints(self) -> Iterator[str]:
        """One line for each receipt that should not be there."""
        for receipt in self.shop.receipts(NAME):
            if receipt.outcome == "failed":
                continue
            match receipt:
                case AdoptReceipt():
                    yield from self._adopt(receipt)
                case DeployReceipt():
                    yield from self._deploy(receipt)
                case WithdrawReceipt():
                    yield from self._withdraw(receipt)

    # --- rules ------------------------------------------------------------------------------------------

    def _adopt(self, receipt: AdoptReceipt) -> Iterator[str]:
        source = receipt.source_commit or ""
        texts = self._texts(source)
        if (receipt.rules.environment_text, receipt.rules.signers_text or "") != texts:
            yield f"adopted other texts than those of {source[:7]}"
        if self.adopted:
            old = self.adopted[-1]
            for commit in self._line(source):
                if self._texts(commit.commit.id) == (old.environment, old.signers):
                    break
                if self._changed_rules(commit) and not self._rules_evidence(commit, old):
                    yield f"adopted {source[:7]}, and {commit.commit.id[:7]} has no {old.evidence} evidence"
        self.adopted.append(Rule(*texts, source))

    def _changed_rules(self, commit: Written) -> bool:
        parents = commit.commit.parents
        return not parents or self._texts(parents[0]) != self._texts(commit.commit.id)

    def _rules_evidence(self, commit: Written, rule: Rule) -> bool:
        if rule.evidence == "none":
            return True
        parents = commit.commit.parents
        if len(parents) != 2:
            return False
        first, second, now = (self._texts(c) for c in (*parents, commit.commit.id))
        brought = all(theirs == ours for before, theirs, ours in zip(first, second, now, strict=True) if before != ours)
        return brought and self._signed(commit, rule)

    # --- pins -------------------------------------------------------------------------------------------

    def _deploy(self, receipt: DeployReceipt) -> Iterator[str]:
        pin = self._pin(receipt.source_commit or "") or {}
        back = self._is_back(receipt)
        for rule in self._judging(receipt):
            spec = rule.spec
            if not self._pin_evidence(receipt, rule):
                yield f"{receipt.version} was deployed without {rule.evidence} evidence"
            if spec["policy"].get("requireDigest") and "digest" not in pin:
                yield f"{receipt.version} was deployed without the digest asked for"
            if not back and not self._gates_open(spec["gates"], receipt):
                yield f"{receipt.version} was deployed through a shut gate of {spec['gates']}"
        if pin.get("version") != receipt.version or pin.get("digest", receipt.digest) != receipt.digest:
            yield f"{receipt.version} is not what the pin says"
        if self.shop.record("sandbox").artifacts[MODEL][receipt.version].digest != receipt.digest:
            yield f"{receipt.version} was deployed with bytes that were not trained here"
        if not back and "hold" in pin and receipt.at.date() < date.fromisoformat(pin["hold"]["until"]):
            yield f"{receipt.version} was deployed while it was held"
        if receipt.going_back and not back:
            yield f"{receipt.version} is no going back"
        self._leave(receipt, revoke=receipt.going_back)
        self.present, self.served[receipt.digest] = receipt.digest, None
        self.revoked.discard(receipt.digest)

    def _withdraw(self, receipt: WithdrawReceipt) -> Iterator[str]:
        pin = self._pin(receipt.source_commit or "") or {}
        if pin.get("state") != "withdrawn":
            yield "withdrawn though the pin does not say so"
        if not all(self._pin_evidence(receipt, rule) for rule in self._judging(receipt)):
            yield "withdrawn without evidence"
        self._leave(receipt, revoke=True)
        self.present = None

    def _leave(self, receipt: Receipt, *, revoke: bool) -> None:
        new = receipt.digest if isinstance(receipt, DeployReceipt) else None
        if self.present is not None and self.present != new:
            self.served[self.present] = receipt.at
            if revoke:
                self.revoked.add(self.present)

    def _is_back(self, receipt: DeployReceipt) -> bool:
        left = self.served.get(receipt.digest)
        if left is None or receipt.digest in self.revoked:
            return False
        return all(
            receipt.at - left <= timedelta(days=int(rule.spec["policy"].get("rollbackWindow", "400d")[:-1]))
            for rule in self._judging(receipt)
        )

    def _judging(self, receipt: Receipt) -> list[Rule]:
        """The rules in force, and those of the newest Adopt from before the pin's commit."""
        commit = self._setting(receipt.source_commit or "")
        ancestors = self._ancestors(commit.commit.id) - {commit.commit.id} if commit else set()
        before = [rule for rule in self.adopted if rule.source in ancestors]
        return [self.adopted[-1], before[-1] if before else self.adopted[0]]

    def _setting(self, source: str) -> Written | None:
        """The newest first-parent commit that changed the pin's value."""
        for commit in self._line(source):
            parents = commit.commit.parents
            before = self._pin(parents[0]) if parents else None
            if before != self._pin(commit.commit.id):
                return commit
        return None

    def _pin_evidence(self, receipt: Receipt, rule: Rule) -> bool:
        if rule.evidence == "none":
            return True
        commit = self._setting(receipt.source_commit or "")
        if commit is None or len(commit.commit.parents) != 2:
            return False
        brought = self._pin(commit.commit.parents[1]) == self._pin(commit.commit.id)
        return brought and self._signed(commit, rule)

    def _gates_open(self, gates: list[dict[str, Any]], receipt: DeployReceipt) -> bool:
        loss = LOSSES[receipt.version]
        for gate in gates:
            match gate["kind"]:
                case "threshold" if loss > LIMIT:
                    return False
                case "beats-baselines" if loss >= self.shop.trainer.baseline:
                    return False
                case "deployed-below" if not self._served_below(receipt):
                    return False
        return True

    def _served_below(self, receipt: DeployReceipt) -> bool:
        return any(
            isinstance(other, DeployReceipt) and other.outcome == "succeeded" and other.digest == receipt.digest
            for other in self.shop.receipts("sandbox")
            if other.at <= receipt.at
        )

    # --- git --------------------------------------------------------------------------------------------

    def _signed(self, commit: Written, rule: Rule) -> bool:
        if rule.evidence != "signed":
            return True
        first, second = commit.commit.parents
        authors = {self.commits[c].email for c in self._ancestors(second) - self._ancestors(first)}
        allowed = {line.split()[0] for line in rule.signers.splitlines()}
        return commit.signed_by in allowed - authors

    def _line(self, source: str) -> Iterator[Written]:
        current: str | None = source
        while current:
            yield self.commits[current]
            parents = self.commits[current].commit.parents
            current = parents[0] if parents else None

    def _ancestors(self, commit: str) -> set[str]:
        found: set[str] = set()
        todo = [commit]
        while todo:
            each = todo.pop()
            if each not in found:
                found.add(each)
                todo += self.commits[each].commit.parents
        return found

    def _texts(self, commit: str) -> tuple[str, str]:
        files = self.commits[commit].files
        return files[environment_path(NAME)].decode(), files.get(signers_path(NAME), b"").decode()

    def _pin(self, commit: str) -> dict[str, Any] | None:
        pin: dict[str, Any] | None = json.loads(self.commits[commit].files[release_path(NAME)])["spec"]["models"].get(
            MODEL
        )
        return pin
