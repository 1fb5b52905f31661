"""A plan and the end of an apply, as a user of OpenTofu would recognise them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from reconciler.cli.views.escape import terminal
from reconciler.cli.views.table import table
from reconciler.core.plan_format import KINDS, action_kind
from reconciler.domain.names import short_digest
from reconciler.domain.plan import Action, Adopt, DataState, Held, Judge, Plan

MARKS = {"train": "+", "deploy": "~", "withdraw": "-", "heal": "*", "judge": "?", "adopt": "="}
COLORS = {"train": "green", "deploy": "yellow", "withdraw": "red", "heal": "cyan", "judge": "blue", "adopt": "magenta"}

WHY = {
    "adopt": "The environment's file or its allowed signers differ from the rules in force. Rules change by their "
    "own rules: each commit that changed them needs the evidence that the rules in force ask for.",
    "train": "The training environment pins a version without an artifact. It is trained once, on the newest "
    "snapshot, and bound to its digest for ever.",
    "judge": "An environment with gates needs a current judgement: same challenger, same champion, same exam.",
    "deploy": "The pin differs from what the ledger says is served; evidence, policy and gates allow it.",
    "withdraw": "The pin says state: withdrawn. Absence alone is never an order.",
    "heal": "The target no longer holds what the ledger says. Nothing is retrained.",
}


def action_line(action: Action) -> list[str]:
    """The cells of one action: mark, word, what, reason."""
    kind = action_kind(action)
    match action:
        case Adopt():
            what = "rules"
        case Judge():
            what = f"{action.model} {action.version} for {action.for_environment}"
        case _:
            what = f"{action.model} {action.version or ''}".strip()
    pending = f" [waits: {action.pending}]" if action.pending else ""
    return [MARKS[kind], kind, what, action.reason + pending]


def plan_lines(plan: Plan, label: str, *, explain: bool = False, color: bool = False) -> list[str]:
    """The whole plan as text lines; with `color`, each action in that of its kind."""
    lines = [f"Plan for {terminal(label)}", ""]
    lines += _actions(plan.actions, explain=explain, color=color)
    lines += held_lines(plan.held)
    lines += data_lines(plan.data)
    if plan.notes:
        lines += ["Changed since the last apply", *(f"  {terminal(note)}" for note in plan.notes), ""]
    if not plan.actions and not plan.held:
        lines += ["Nothing to do: every environment is what the manifests say.", ""]
    return [*lines, summary(plan)]


def _actions(actions: Sequence[Action], *, explain: bool, color: bool) -> list[str]:
    lines: list[str] = []
    for environment in dict.fromkeys(action.environment for action in actions):
        own = [action for action in actions if action.environment == environment]
        lines.append(terminal(environment))
        rows = table([action_line(action) for action in own], indent=2)
        kinds = [action_kind(action) for action in own]
        lines += [click.style(row, fg=COLORS[kind]) for row, kind in zip(rows, kinds, strict=True)] if color else rows
        lines.append("")
    if explain and actions:
        lines.append("Why")
        for kind in dict.fromkeys(action_kind(action) for action in actions):
            lines.append(f"  {kind}: {WHY[kind]}")
        lines += ["  What is held says its own reason, and whose move it is.", ""]
    return lines


def held_lines(held: Iterable[Held]) -> list[str]:
    """What is held, with who must do what next."""
    lines: list[str] = []
    for item in held:
        what = " ".join(part for part in (item.environment, item.model, item.version) if part)
        who = "nobody: time clears it" if item.who == "time" else item.who
        lines.append(f"  ! {terminal(what or 'everything')}: {terminal(item.detail)} [{item.reason}]")
        lines.append(f"      next ({who}): {terminal(item.next_step)}")
    return ["Held", *lines, ""] if lines else []


def data_lines(states: Iterable[DataState]) -> list[str]:
    """The gates on data: what is fine, what is about to hold, what somebody should look at."""
    lines: list[str] = []
    found = list(states)
    for environment in dict.fromkeys(state.environment for state in found):
        own = [state for state in found if state.environment == environment]
        rows = table([[state.gate, state.state, state.detail] for state in own], indent=2)
        lines += [f"Data of {terminal(environment)}", *rows, ""]
    return lines


def done_lines(done: Sequence[tuple[Action, str, str]]) -> list[str]:
    """What an apply did, a line an action, with the reason where it failed."""
    rows = []
    for action, outcome, reason in done:
        mark, kind, what, _ = action_line(action)
        rows.append([mark, action.environment, kind, what, f"{outcome}: {reason}" if reason else outcome])
    return ["Done", *table(rows, indent=2), ""] if rows else []


def summary(plan: Plan) -> str:
    """`Plan: 1 to train, 1 to deploy, 2 held, 3 unchanged.`"""
    kinds = [action_kind(action) for action in plan.actions]
    parts = [f"{kinds.count(kind)} to {kind}" for kind in KINDS if kind in kinds]
    parts = parts or ["0 actions"]
    parts += [f"{len(plan.held)} held"] if plan.held else []
    return f"Plan: {', '.join([*parts, f'{plan.unchanged} unchanged'])}."


def named(action: Action) -> str:
    """One action in a few words, for progress lines."""
    _, kind, what, _ = action_line(action)
    digest = getattr(action, "digest", None)
    mark = f" ({short_digest(digest)})" if digest else ""
    return f"{action.environment}: {kind} {what}{mark}"
