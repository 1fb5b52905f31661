"""Views of values as people read them."""

from __future__ import annotations

import json
from pathlib import Path

from reconciler.cli.views.begun import begun_text
from reconciler.cli.views.judgements import confusion_lines
from reconciler.domain.record import Figures, OutcomeFigures
from reconciler.usecases.init import Begun


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


def test_the_next_step_after_init_is_a_command_that_a_shell_takes() -> None:
    outcomes = {"on_time": 1, "late": 0, "very_late": 0}
    profile = {"outcomes": outcomes, "tables": {"invoices": {"rows": 1}}, "open": 0, "overdue": 0}
    begun = Begun(Path(), "c" * 40, "sha256:" + "d" * 64, {}, {}, (), profile)
    for said, next_step in (("-x", "cd ./-x && "), ("my shop", "cd 'my shop' && "), ("shop", "cd shop && "), (".", "")):
        assert begun_text(begun, said).splitlines()[-1] == f"Next: {next_step}reconciler apply --yes"
