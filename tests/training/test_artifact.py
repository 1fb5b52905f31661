"""What a trained artifact holds, and what it must never hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from reconciler.domain.jobs import CheckJob, ModelCard
from reconciler.scoring.session import Session
from reconciler.tasks.customer_payment.features import FeatureTable
from reconciler.tasks.customer_payment.spec import SPEC
from reconciler.training.check import check
from reconciler.training.parity import adversarial
from reconciler.training.probe import rows_of
from reconciler.training.train import train
from tests.training.made import SHA, quiet, recipe, train_job


def _card(files: dict[str, bytes]) -> ModelCard:
    return ModelCard.model_validate_json(files["model-card.json"])


def test_inputs_and_outputs_are_named_and_typed_as_the_card_says(trained: dict[str, bytes]) -> None:
    graph, card = onnx.load_model_from_string(trained["model.onnx"]).graph, _card(trained)
    types = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.STRING: "string"}
    found = [(each.name, types[each.type.tensor_type.elem_type]) for each in graph.input]
    assert found == [(each.name, each.type) for each in card.inputs]
    assert [each.name for each in graph.output] == ["probabilities"]
    assert {"delivery", "history_days_late", "overdue_count"} <= {name for name, _ in found}


def test_probabilities_are_floored_and_sum_to_one_on_any_row(trained: dict[str, bytes]) -> None:
    card = _card(trained)
    rows = adversarial(rows_of(card.probe, card.inputs), 500)
    found = Session(trained["model.onnx"], card.inputs).probabilities(rows)
    assert found.shape == (500, 3) and found.min() > 0.9e-6
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)


def test_metadata_is_name_version_fingerprint_and_outcomes_only(trained: dict[str, bytes]) -> None:
    model = onnx.load_model_from_string(trained["model.onnx"])
    assert [(each.key, each.value) for each in model.metadata_props] == [
        ("fingerprint", SHA),
        ("name", "payment-prediction"),
        ("outcomes", "on_time,late,very_late"),
        ("version", "1.0.0"),
    ]
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 18), ("ai.onnx.ml", 3)]
    assert not model.doc_string and not model.graph.doc_string and not model.producer_version


def test_no_path_and_no_customer_or_invoice_is_in_the_files(trained: dict[str, bytes], snapshot: Path) -> None:
    for content in trained.values():
        assert not any(text in content for text in (b"C-00", b"I-00", str(snapshot).encode(), b"/tmp", b"/home"))


def test_the_card_is_canonical_json_and_says_until_when_the_model_was_trained(trained: dict[str, bytes]) -> None:
    content = json.loads(trained["model-card.json"])
    again = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert len(again) >= len(trained["model-card.json"].decode()) * 0.9 and list(content) == sorted(content)
    assert content["trained_until"] == "2024-06-30" and content["task_revision"] == SPEC.revision
    assert content["reported"]["log_loss"] < 1.0 and content["rows"] > 600


def test_a_fresh_artifact_passes_its_own_check(trained: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in trained.items():
        (tmp_path / name).write_bytes(content)
    job = CheckJob(model="payment-prediction", version="1.0.0", artifact_folder=str(tmp_path))
    assert check(job, quiet).probe <= 1e-5


@pytest.mark.parametrize("include", [["history_days_late"], ["delivery"], ["delivery", "currency"]])
@pytest.mark.parametrize("kind", ["logistic-regression", "hist-gradient-boosting", "random-forest"])
def test_a_model_of_one_kind_of_input_exports_and_passes_its_check(
    kind: str, include: list[str], snapshot: Path, tmp_path: Path
) -> None:
    spec = recipe(kind, features={"include": include}, outcomes={"veryLateAfterDays": 0})
    files = train(train_job(snapshot, spec), quiet)[1]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert _card(files).outcomes == ["on_time", "late"]
    check(CheckJob(model="payment-prediction", version="1.0.0", artifact_folder=str(tmp_path)), quiet)


def test_probe_rows_tell_only_coarse_ranges(trained: dict[str, bytes]) -> None:
    card = _card(trained)
    amounts = [value for value in card.probe.inputs["amount"] if isinstance(value, float)]
    assert len(amounts) == 24 and max(amounts) > 0
    assert "unseen" in card.probe.inputs["delivery"] and "" in card.probe.inputs["delivery"]


def test_a_table_longer_than_a_chunk_is_answered_row_by_row(logistic: dict[str, bytes]) -> None:
    card = _card(logistic)
    rows = rows_of(card.probe, card.inputs)
    many = rows.take(np.arange(25_000) % len(rows))
    session = Session(logistic["model.onnx"], card.inputs)
    assert isinstance(many, FeatureTable)
    np.testing.assert_allclose(session.probabilities(many)[24_960:24_984], session.probabilities(rows), atol=1e-6)
