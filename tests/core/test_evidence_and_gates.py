"""Evidence from facts of git, gates from a judgement: values in, a decision out."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.core.evidence import Lacking, find, required, to_bring
from reconciler.core.facts import Origin
from reconciler.core.gates import Question, current_judgement, failures, needs_judgement
from reconciler.domain.manifests import BeatsBaselines, DeployedBelow, Gate, LeastRowsPerOutcome, Policy, Threshold
from reconciler.domain.observed import Signature
from reconciler.domain.record import Evidence, Figures, Judgement, OutcomeFigures, Record, Rules, Snapshot
from reconciler.testing import figures

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MERGE = "m" * 40


def rules(signers: str | None = "signers") -> Rules:
    return Rules(
        source_commit="c",
        environment_blob="blob",
        signers_blob=signers,
        environment_text="",
        signers_text=None,
        evidence=Evidence(kind="none"),
        adopted_at=NOW,
    )


def origin(**facts: Any) -> Origin:
    known: dict[str, Any] = {"commit": MERGE, "parents": 2, "branch_changed": True, "in_main": True}
    return Origin(**(known | facts))


def signed(principal: str | None = "alice@example.com", *, status: str = "good", **facts: Any) -> Origin:
    signature = Signature(status, principal)  # type: ignore[arg-type]
    return origin(signatures={"signers": signature}, authors=frozenset({"bob@example.com"}), **facts)


# --- evidence ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        ({"parents": 0}, "direct commit"),
        ({"parents": 1}, "direct commit"),
        ({"branch_changed": False}, "a value that its branch did not bring"),
    ],
)
def test_roots_direct_commits_fast_forwards_and_evil_merges_are_no_evidence(
    facts: dict[str, Any], missing: str
) -> None:
    for kind in ("merge", "signed"):
        found = find(origin(**facts), kind, rules())  # type: ignore[arg-type]
        assert isinstance(found, Lacking)
        assert missing in found.detail
        assert found.next_step().startswith("revert it, propose it again with a pull request, and ")


def test_a_merge_whose_branch_has_the_value_is_evidence_of_its_shape() -> None:
    assert find(origin(), "merge", rules()) == Evidence(kind="merge", commit=MERGE)


def test_nothing_is_asked_where_the_policy_asks_nothing() -> None:
    assert find(origin(parents=1), "none", rules()) == Evidence(kind="none", commit=MERGE)
    assert find(None, "none", rules()) == Evidence(kind="none")


def test_a_value_that_no_commit_set_has_no_evidence() -> None:
    found = find(None, "merge", rules())
    assert isinstance(found, Lacking)
    assert found.next_step() == "propose it again with a pull request, and merge it with git merge --no-ff"


def test_a_merge_signed_by_an_approver_names_him() -> None:
    assert find(signed(), "signed", rules()) == Evidence(kind="signed", commit=MERGE, approver="alice@example.com")


@pytest.mark.parametrize(
    "made",
    [
        signed(None),
        signed(status="none"),
        signed(status="bad"),
        signed("bob@example.com"),
        signed("BOB@Example.com"),
        origin(),
        signed(branch_changed=False),
        signed(parents=1),
    ],
    ids=["no-principal", "unsigned", "bad", "an-author", "an-author-in-capitals", "unchecked", "evil", "direct"],
)
def test_a_signature_counts_only_from_an_allowed_signer_who_is_no_author(made: Origin) -> None:
    assert isinstance(find(made, "signed", rules()), Lacking)


def test_a_signature_is_checked_against_the_signers_of_the_rules_asked_and_no_others() -> None:
    assert isinstance(find(signed(), "signed", rules("other")), Lacking)
    assert isinstance(find(signed(), "signed", rules(None)), Lacking)
    assert isinstance(find(signed(), "signed", None), Lacking)


def test_a_policy_without_evidence_asks_for_none() -> None:
    assert required(Policy()) == "none"
    assert [required(Policy(evidence=kind)) for kind in ("none", "merge", "signed")] == ["none", "merge", "signed"]


def test_what_a_merge_must_bring_is_said_for_each_kind() -> None:
    assert to_bring("none") == ""
    assert to_bring("merge") == "the merge must be a merge commit"
    assert "signed by an approver" in to_bring("signed")


# --- gates -------------------------------------------------------------------------------------------------


def judgement(**more: Any) -> Judgement:
    fields: dict[str, Any] = {
        "environment": "production",
        "model": "payment",
        "version": "1.0.0",
        "digest": "sha256:" + "a" * 64,
        "champion": None,
        "champion_version": None,
        "exam_digest": "sha256:" + "e" * 64,
        "snapshot": "sha256:" + "d" * 64,
        "cut": "2026-01-01",
        "at": NOW,
        "figures": figures(0.5),
        "baselines": {"naive": figures(0.7), "own_shares": figures(0.6)},
    }
    return Judgement(**(fields | more))


def shut(gate: Gate, judged: Judgement | None, *, deployed_below: bool = True) -> list[str]:
    return failures([gate], judged, deployed_below=deployed_below)


def test_every_gate_that_reads_a_judgement_is_shut_without_one() -> None:
    reading: list[Gate] = [
        BeatsBaselines(kind="beats-baselines"),
        LeastRowsPerOutcome(kind="least-rows-per-outcome", rows=1),
        Threshold(kind="threshold", figure="accuracy", at_least=0.1),
    ]
    for gate in reading:
        assert needs_judgement([gate])
        assert shut(gate, None) == ["there is no current judgement"]
    assert not needs_judgement([DeployedBelow(kind="deployed-below")])


@pytest.mark.parametrize(
    ("ours", "naive", "own", "opens"),
    [(0.5, 0.7, 0.6, True), (0.65, 0.7, 0.6, False), (0.6, 0.7, 0.6, False), (math.nan, 0.7, 0.6, False)],
)
def test_a_model_must_be_below_both_baselines(ours: float, naive: float, own: float, opens: bool) -> None:
    baselines = {"naive": figures(naive), "own_shares": figures(own)}
    found = shut(BeatsBaselines(kind="beats-baselines"), judgement(figures=figures(ours), baselines=baselines))
    assert (found == []) is opens


def test_a_judgement_without_baselines_beats_none() -> None:
    assert shut(BeatsBaselines(kind="beats-baselines"), judgement(baselines={})) == ["the judgement has no baselines"]


def test_baselines_are_shown_exactly_enough_to_see_why() -> None:
    (reason,) = shut(BeatsBaselines(kind="beats-baselines"), judgement(figures=figures(0.65)))
    assert reason == "log-loss 0.650 is not below the baseline own shares 0.600"


@pytest.mark.parametrize(
    ("limits", "value", "opens"),
    [
        ({"at_most": 0.5}, 0.5, True),
        ({"at_most": 0.5}, 0.5000001, False),
        ({"at_least": 0.5}, 0.5, True),
        ({"at_least": 0.5}, 0.4999999, False),
        ({"at_least": 0.4, "at_most": 0.6}, 0.5, True),
        ({"at_most": 0.5}, math.nan, False),
        ({"at_least": 0.5}, math.nan, False),
    ],
)
def test_limits_are_inclusive_and_compared_exactly(limits: dict[str, float], value: float, opens: bool) -> None:
    gate = Threshold(kind="threshold", figure="log_loss", **limits)
    assert (shut(gate, judgement(figures=figures(value))) == []) is opens


@pytest.mark.parametrize("figure", ["accuracy", "macro_f1", "log_loss", "brier", "rows"])
def test_every_figure_that_a_threshold_may_name_is_in_a_judgement(figure: Any) -> None:
    assert shut(Threshold(kind="threshold", figure=figure, at_least=-1e9), judgement()) == []


def test_an_outcome_with_too_few_rows_shuts_the_gate_and_is_named() -> None:
    def outcome(rows: int) -> OutcomeFigures:
        return OutcomeFigures(rows=rows, precision=None, recall=None)

    few = figures(0.5).model_copy(update={"outcomes": {"on_time": outcome(30), "late": outcome(29)}})
    assert isinstance(few, Figures)
    gate = LeastRowsPerOutcome(kind="least-rows-per-outcome", rows=30)
    assert shut(gate, judgement(figures=few)) == ["the exam has too few rows (late 29; the gate asks for 30)"]
    assert shut(LeastRowsPerOutcome(kind="least-rows-per-outcome", rows=29), judgement(figures=few)) == []


def test_from_below_asks_only_whether_it_has_been_deployed_there() -> None:
    gate = DeployedBelow(kind="deployed-below")
    assert shut(gate, None, deployed_below=True) == []
    assert shut(gate, judgement(), deployed_below=False) == [
        "it has not been deployed in the environment it comes from"
    ]


# --- current judgements ------------------------------------------------------------------------------------


def recorded(*judgements: Judgement, taken: int = 0) -> Record:
    snapshot = Snapshot(
        digest="sha256:" + "d" * 64,
        data_date="2026-03-01",
        taken_at=NOW - timedelta(days=taken),
        rows={},
        copy_of="production",
    )
    return Record(environment="sandbox", snapshots=[snapshot], judgements={"production": {"payment": list(judgements)}})


def question(**more: Any) -> Question:
    known = judgement()
    fields = {
        "environment": "production",
        "model": "payment",
        "digest": known.digest,
        "champion": None,
        "exam_digest": known.exam_digest,
    }
    return Question(**(fields | more))


def test_a_judgement_of_the_same_question_is_current() -> None:
    found = current_judgement(recorded(judgement()), question(), max_age=None, now=NOW)
    assert found == judgement()


@pytest.mark.parametrize(
    "other",
    [
        {"digest": "sha256:" + "b" * 64},
        {"champion": "sha256:" + "b" * 64},
        {"exam_digest": "sha256:" + "b" * 64},
        {"environment": "staging"},
        {"model": "fraud"},
    ],
)
def test_a_judgement_of_another_question_is_not(other: dict[str, str]) -> None:
    assert current_judgement(recorded(judgement()), question(**other), max_age=None, now=NOW) is None


def test_the_newest_current_one_counts() -> None:
    older, newer = judgement(figures=figures(0.5)), judgement(figures=figures(0.9))
    found = current_judgement(recorded(older, newer), question(), max_age=None, now=NOW)
    assert found == newer


@pytest.mark.parametrize(("days", "counts"), [(7, True), (8, False)])
def test_a_judgement_is_current_as_long_as_its_snapshot_is_young_enough(days: int, counts: bool) -> None:
    found = current_judgement(recorded(judgement(), taken=days), question(), max_age=timedelta(days=7), now=NOW)
    assert (found is not None) is counts


def test_a_judgement_on_a_snapshot_that_is_not_recorded_is_not_current_where_age_counts() -> None:
    record = recorded(judgement(snapshot="sha256:" + "0" * 64))
    assert current_judgement(record, question(), max_age=timedelta(days=7), now=NOW) is None
