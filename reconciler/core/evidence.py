"""Evidence: why we believe that a change came by pull request (design section 5). Facts of git in, a judgement out.

`merge` looks at the shape alone: a merge commit whose second parent has the value and whose first has not.
`signed` asks besides for a good signature of an allowed signer who is not an author of the change.
Direct commits, fast-forwards and roots are no evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reconciler.core.facts import Origin
from reconciler.domain.manifests import Policy
from reconciler.domain.record import Evidence, Rules

EvidenceKind = Literal["none", "merge", "signed"]


@dataclass(frozen=True)
class Lacking:
    """There is no such evidence: what is missing, and the merge that would bring it; `undo`: a commit of main stands
    in its way."""

    detail: str
    merge: str
    undo: bool = True

    def next_step(self, again: str = "propose it again with a pull request") -> str:
        """The whole way out: take it back, what proposes it `again`, and how that is merged."""
        return ", ".join((*(["revert it"] if self.undo else []), again, f"and {self.merge}"))


def required(policy: Policy) -> EvidenceKind:
    """The kind of evidence that a policy asks for. `forge` never gets here: reading it is refused."""
    return "none" if policy.evidence in (None, "none", "forge") else policy.evidence  # type: ignore[return-value]


def to_bring(kind: EvidenceKind) -> str:
    """What the merge of a change that is not in main yet must bring; empty where nothing is asked."""
    if kind == "none":
        return ""
    return "the merge must be a merge commit" + (" signed by an approver" if kind == "signed" else "")


def find(origin: Origin | None, kind: EvidenceKind, rules: Rules | None) -> Evidence | Lacking:
    """The evidence of one kind that an origin has, or what it lacks."""
    commit = origin.commit if origin else None
    if kind == "none":
        return Evidence(kind="none", commit=commit)
    if origin is None:
        return Lacking("no commit of main set this value", "merge it with git merge --no-ff", undo=False)
    if origin.parents < 2:
        return Lacking(
            f"{origin.commit[:12]} is a direct commit to main, not the merge of a pull request",
            "merge its branch with git merge --no-ff",
        )
    if not origin.branch_changed:
        return Lacking(
            f"the merge {origin.commit[:12]} has a value that its branch did not bring",
            "merge its branch as it was approved",
        )
    return Evidence(kind="merge", commit=commit) if kind == "merge" else _signed(origin, rules)


def _signed(origin: Origin, rules: Rules | None) -> Evidence | Lacking:
    signature = origin.signatures.get(rules.signers_blob if rules else None)
    if signature is None or signature.status != "good" or not signature.principal:
        detail = signature.detail if signature and signature.detail else "it has no signature of an allowed signer"
        return Lacking(
            f"the merge {origin.commit[:12]} is not signed by an approver: {detail}",
            "let an approver merge its branch with git merge --no-ff -S",
        )
    if signature.principal.lower() in origin.authors:
        return Lacking(
            f"the merge {origin.commit[:12]} is signed by {signature.principal}, who is an author of the change",
            "let another approver merge its branch with git merge --no-ff -S",
        )
    return Evidence(kind="signed", commit=origin.commit, approver=signature.principal)
