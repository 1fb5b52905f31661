"""A judgement for people: the proposed model, today's model where there is one, and the baselines."""

from __future__ import annotations

from reconciler.domain.record import Figures, Judgement


def judgement_lines(judgement: Judgement) -> list[str]:
    """Aligned lines, best read together."""
    rows = [(f"proposed {judgement.version}", judgement.figures)]
    if judgement.champion_figures is not None:
        rows.append((f"today {judgement.champion_version}", judgement.champion_figures))
    rows += [(f"baseline: {name.replace('-', ' ')}", figures) for name, figures in sorted(judgement.baselines.items())]
    width = max(len(label) for label, _ in rows)
    lines = [_line(label.ljust(width), figures) for label, figures in rows]
    cold = judgement.figures.without_history
    without = f", {cold:,} of them of customers without history" if cold is not None else ""
    return [*lines, f"on {judgement.figures.rows:,} invoices from {judgement.cut} on{without}"]


def _line(label: str, figures: Figures) -> str:
    return (
        f"{label}  log-loss {figures.log_loss:.3f}  accuracy {figures.accuracy:6.1%}"
        f"  macro-F1 {figures.macro_f1:.3f}  Brier {figures.brier:.3f}  grade {figures.grade}"
    )


def confusion_lines(figures: Figures) -> list[str]:
    """The confusion matrix: rows are what happened, columns what was predicted."""
    names = [name.replace("_", " ") for name in figures.order or figures.outcomes]
    corner = "happened ↓"
    width = max(12, *(len(name) for name in names))
    lines = [corner.ljust(width) + "".join(f"→ {name}".rjust(width + 2) for name in names)]
    for name, row in zip(names, figures.confusion, strict=True):
        lines.append(name.ljust(width) + "".join(f"{count:,}".rjust(width + 2) for count in row))
    return lines
