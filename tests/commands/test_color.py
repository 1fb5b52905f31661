"""Colours are for terminals, and can be left out."""

from __future__ import annotations

from reconciler.cli.views.plans import plan_lines
from reconciler.domain.plan import Heal, Plan

PLAN = Plan("a" * 40, {}, (Heal("production", "payments", "1.0.0", "sha256:" + "0" * 64, "it is gone"),))


def test_an_action_has_the_colour_of_its_kind_and_the_same_text() -> None:
    plain = plan_lines(PLAN, "main")
    colored = plan_lines(PLAN, "main", color=True)
    assert not any("\x1b" in line for line in plain)
    assert [line for line in colored if "\x1b[36m" in line] == [f"\x1b[36m{plain[3]}\x1b[0m"]
    assert "heal" in plain[3]
