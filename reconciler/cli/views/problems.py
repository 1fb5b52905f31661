"""Problems of manifests, as lines for people and as JSON for editors and CI."""

from __future__ import annotations

import json

from reconciler.cli.views.escape import terminal
from reconciler.domain.problems import Problem
from reconciler.usecases.validate import Validated

FORMAT_VERSION = 1


def text(found: Validated) -> str:
    """One line per problem, and a line that says how many files were checked."""
    return "\n".join([*(line(problem) for problem in found.problems), terminal(_summary(found))])


def line(problem: Problem) -> str:
    """`file:line:column: what is wrong (path), next step`; warnings say that they are."""
    if problem.severity == "warning":
        return terminal(f"{problem.where}: warning: {str(problem).removeprefix(f'{problem.where}: ')}")
    return terminal(str(problem))


def document(found: Validated) -> str:
    """The same as JSON; line and column are null where the whole file is meant."""
    problems = [
        {
            "severity": problem.severity,
            "file": problem.where.file,
            "line": problem.where.line or None,
            "column": problem.where.column or None,
            "path": problem.path or None,
            "summary": problem.summary,
            "fix": problem.fix or None,
        }
        for problem in found.problems
    ]
    summary = {"files": found.files, "errors": found.errors, "warnings": len(problems) - found.errors}
    body = {"format_version": FORMAT_VERSION, "problems": problems, "summary": summary, "notes": list(found.notes)}
    return json.dumps(body, indent=2, ensure_ascii=False)


def _summary(found: Validated) -> str:
    warnings = len(found.problems) - found.errors
    counted = [_count(found.errors, "error")] if found.errors else []
    counted += [_count(warnings, "warning")] if warnings else []
    return f"{_count(found.files, 'file')} checked: {', '.join(counted) or 'no problems'}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
