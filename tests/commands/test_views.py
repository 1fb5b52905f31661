"""Views of values as people read them."""

from __future__ import annotations

import json

from reconciler.cli.views.judgements import confusion_lines
from reconciler.domain.record import Figures, OutcomeFigures


def test_the_confusion_matrix_names_its_rows_rightly_also_when_read_back_from_a_ledger() -> None:
    share = OutcomeFigures(rows=1, precision=None, recall=None)
    names = ["on_time", "late", "very_late"]
    figures = Figures(
        rows=45,
        accuracy=0.5,
        macro_f1=0.5,
        log_loss=0.5,
        brier=0.5,
        grade="C",
        outcomes=dict.fromkeys(names, share),
        confusion=[[1, 2, 3], [4, 5, 6], [7, 8, 9]],
        order=names,
    )
    kept = json.dumps(figures.model_dump(mode="json"), sort_keys=True)
    lines = confusion_lines(Figures.model_validate_json(kept))
    assert [part.strip() for part in lines[0].split("→")] == ["happened ↓", "on time", "late", "very late"]
    assert [line.split()[-3:] for line in lines[1:]] == [["1", "2", "3"], ["4", "5", "6"], ["7", "8", "9"]]
    assert [line[:9].strip() for line in lines[1:]] == ["on time", "late", "very late"]
