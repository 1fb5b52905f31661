"""When a judgement is asked for (design section 5, "Judge"): a Judge action, what holds it, or the current one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.core.data_gates import Limits, freshened, not_whole, stale
from reconciler.core.gates import Question, current_judgement
from reconciler.core.identity import canonical, digest_of, exam_digest
from reconciler.core.retries import exhausted, way_out
from reconciler.domain.manifests import EnvironmentSpec, Exam
from reconciler.domain.plan import Held, Judge, Who
from reconciler.domain.record import Deployment, Judgement, Record


@dataclass(frozen=True)
class Bench:
    """What judging needs to know: the training environment's name and record, the limits on copies, and the time."""

    environment: str
    record: Record
    limits: Limits
    now: datetime
    retry: bool
    rows: frozenset[str] = frozenset()


def rows_of(environment: str, spec: EnvironmentSpec, downstream: frozenset[str]) -> frozenset[str]:
    """Whose data may judge for an environment: what its exam names, else its own, else (where it has none) that of
    those that promote from it. Whose copy the sandbox keeps is the sandbox's word, and counts for nothing."""
    if spec.exam.data_of is not None:
        return frozenset({spec.exam.data_of})
    own = frozenset({environment})
    return own if spec.data.invoices is not None else own | downstream


def bench_for(bench: Bench, spec: EnvironmentSpec, rows: frozenset[str]) -> Bench:
    """The bench by one environment's rules: its own snapshot limit, and only copies of the data that it chose."""
    snapshots = [snapshot for snapshot in bench.record.snapshots if snapshot.copy_of in rows]
    record = bench.record.model_copy(update={"snapshots": snapshots})
    limits = replace(bench.limits, max_age=spec.data.max_age or bench.limits.max_age)
    return replace(bench, record=record, limits=limits, rows=rows)


@dataclass(frozen=True)
class Challenger:
    """The artifact to judge, for which environment, against what it serves now, by which exam."""

    environment: str
    model: str
    version: str
    digest: str
    champion: Deployment | None
    exam: Exam

    @property
    def question(self) -> Question:
        champion = self.champion.digest if self.champion else None
        return Question(self.environment, self.model, self.digest, champion, exam_digest(self.exam))


def attempt_identity(question: Question, snapshot: str) -> str:
    """What identifies a try at judging: a failure of one try says nothing about another."""
    return digest_of(
        canonical([question.digest, question.champion, question.exam_digest, snapshot, question.environment])
    )


def failure_key(environment: str, model: str, version: str, attempt: str = "") -> str:
    """Where the record keeps the failure of a try; without one, what all tries of the version begin with."""
    return f"{environment}/{model}/{version}-{attempt.removeprefix('sha256:')[:16]}"


def ask(bench: Bench, challenger: Challenger) -> Judgement | Judge | Held:
    """The current judgement, or the Judge that makes it, or why it cannot be made."""
    question = challenger.question
    found = current_judgement(bench.record, question, max_age=bench.limits.max_age, now=bench.now)
    if found is not None:
        return found
    snapshot = bench.record.newest_snapshot
    if snapshot is None:
        of = f" of {' or '.join(sorted(bench.rows))}" if bench.rows else ""
        return _held(challenger, "no-snapshot", f"{bench.environment} has no copy{of} to judge on", _refresh(bench))
    if (detail := stale(snapshot, bench.limits, bench.now)) is not None:
        step = freshened(snapshot, bench.limits, bench.now, _refresh(bench))
        return _held(challenger, "snapshot-stale", detail, step)
    if (partial := not_whole(snapshot, bench.record.snapshots, bench.limits, _refresh(bench))) is not None:
        return _held(challenger, "snapshot-partial", *partial)
    attempt = attempt_identity(question, snapshot.digest)
    key = failure_key(challenger.environment, challenger.model, challenger.version, attempt)
    failure = bench.record.judge_failures.get(key)
    if failure is not None and exhausted(failure) and not bench.retry:
        step, who = way_out(failure)
        return _held(challenger, "judge-failed", f"judging failed: {failure.reason}", step, who)
    return _judge(bench, challenger, snapshot.digest)


def _judge(bench: Bench, challenger: Challenger, snapshot: str) -> Judge:
    champion = challenger.champion
    against = f"against {champion.version}" if champion and champion.version else "with no champion yet"
    return Judge(
        environment=bench.environment,
        for_environment=challenger.environment,
        model=challenger.model,
        version=challenger.version,
        digest=challenger.digest,
        champion=champion.digest if champion else None,
        champion_version=champion.version if champion else None,
        exam=challenger.exam,
        exam_digest=exam_digest(challenger.exam),
        snapshot=snapshot,
        reason=f"no current judgement by {challenger.environment}'s exam, {against}",
    )


def _refresh(bench: Bench) -> str:
    return f"reconciler data refresh {bench.environment}"


def _held(challenger: Challenger, reason: str, detail: str, next_step: str, who: Who = "operator") -> Held:
    return Held(challenger.environment, challenger.model, challenger.version, reason, detail, next_step, who)
