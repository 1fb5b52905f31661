"""Random stories of a shop for hypothesis: what people merge and push, what machines do, what goes wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from reconciler.testing import environment_path, model_version, signers, signers_path, version_path
from tests.support.worlds import GATES, MODEL, OTHER_DIGEST, Shop

ALICE, BOB = "alice@example.com", "bob@example.com"
VERSIONS = ("1.0.0", "1.1.0", "1.2.0")
LOSSES = {"1.0.0": 0.5, "1.1.0": 0.9, "1.2.0": 0.4}
LIMIT = 0.6

Step = Callable[[Shop], None]
Changes = dict[str, bytes | None]

WAYS = ("merge", "signed", "direct", "signed", "evil", "signed", "self-signed", "foxtrot")


def examples(count: int) -> settings:
    """So many stories, the same in each run; RECONCILER_EXAMPLES=20 tells twenty times as many, new ones each time."""
    more = int(os.environ.get("RECONCILER_EXAMPLES", "0"))
    return settings(max_examples=count * max(more, 1), deadline=None, derandomize=not more)


def shop(**specs: Any) -> Shop:
    """A shop whose three versions are merged; 1.1.0 is worse than the baselines."""
    made = Shop(approvers=(ALICE, BOB), **specs)
    made.trainer.log_loss.update(LOSSES)
    made.merge({version_path(MODEL, version): model_version(MODEL, version) for version in VERSIONS})
    return made


def land(made: Shop, changes: Changes, way: str) -> None:
    """Bring changes to main: as a merge, a direct commit (what a fast-forward looks like), a merge commit whose branch
    does not have them, a merge signed by an approver or by its author, or with main as the second parent."""
    if way == "direct":
        made.push(changes)
    elif way == "evil":
        made.merge({"README.md": str(len(made.git.objects)).encode()}, evil=changes)
    elif way == "foxtrot":
        base = made.git.main_tip()
        files = {path: content for path, content in {**made.git.files(base), **changes}.items() if content is not None}
        branch = made.git.write([base], files, subject="topic")
        other = made.git.write([base], made.git.files(base), subject="main goes on")
        made.git.reset_main(made.git.write([branch, other], files, subject="Merge main"))
    else:
        made.merge(changes, signed_by={"merge": None, "signed": ALICE, "self-signed": BOB}[way])


def digest_of(made: Shop, version: str) -> str:
    """The digest of a version where it is trained, else some other."""
    artifact = made.record("sandbox").artifacts.get(MODEL, {}).get(version)
    return (artifact.digest if artifact else None) or OTHER_DIGEST


def _pin(name: str, version: str | None, *, digest: str | None, hold: date | None, way: str) -> Step:
    def step(made: Shop) -> None:
        pin: dict[str, Any] = {"digest": digest_of(made, digest)} if digest and version else {}
        if hold and version:
            pin["hold"] = {"reason": "quarter end", "by": "credit", "until": hold.isoformat()}
        land(made, made.pinned(name, version, **pin), way)

    return step


def pins(name: str, ways: Sequence[str] = WAYS) -> st.SearchStrategy[Step]:
    """Pins of one environment: of any version, with the right digest, another's or none, held or not."""
    holds = st.sampled_from([None, None, None, date(2026, 3, 3)])
    return st.builds(
        lambda version, other, hold, way: _pin(name, version, digest=other, hold=hold, way=way),
        st.sampled_from(VERSIONS),
        st.sampled_from([*VERSIONS, None]),
        holds,
        st.sampled_from(ways),
    ) | st.builds(
        lambda version, way: _pin(name, version, digest=version, hold=None, way=way),
        st.sampled_from(VERSIONS),
        st.sampled_from(ways),
    )


def _promote(version: str) -> Step:
    def step(made: Shop) -> None:
        land(made, made.pinned("production", version, digest=digest_of(made, version)), "signed")
        made.apply()

    return step


#: What honest people do: a promotion that an approver signs, applied.
promotions: st.SearchStrategy[Step] = st.builds(_promote, st.sampled_from(VERSIONS))


def _withdraw(name: str, way: str) -> Step:
    return lambda made: land(made, made.pinned(name, None, state="withdrawn"), way)


def _unpin(name: str, way: str) -> Step:
    return lambda made: land(made, made.pinned(name, None), way)


def withdrawals(name: str, ways: Sequence[str] = WAYS) -> st.SearchStrategy[Step]:
    """Withdrawn pins, and pins that vanish."""
    return st.builds(_withdraw, st.just(name), st.sampled_from(ways)) | st.builds(
        _unpin, st.just(name), st.sampled_from(ways)
    )


def _rules(spec: dict[str, Any], way: str) -> Step:
    return lambda made: land(made, {environment_path("production"): made.environment("production", **spec)}, way)


def _signers(names: tuple[str, ...], way: str) -> Step:
    return lambda made: land(made, {signers_path("production"): signers(*names)}, way)


def rules(ways: Sequence[str] = WAYS) -> st.SearchStrategy[Step]:
    """Changes of production's rules: stricter and looser."""
    policies = st.fixed_dictionaries(
        {
            "evidence": st.sampled_from(["none", "merge", "signed"]),
            "requireDigest": st.booleans(),
            "rollbackWindow": st.sampled_from(["1d", "400d"]),
        }
    )
    limit = {"kind": "threshold", "figure": "log_loss", "atMost": LIMIT}
    gates = st.sampled_from([[], [limit], [{"kind": "deployed-below"}], GATES, [limit, {"kind": "deployed-below"}]])
    exams = st.sampled_from([{"latestShare": 0.2}, {"latestShare": 0.3}])
    whole = st.fixed_dictionaries({"policy": policies, "gates": gates, "exam": exams})
    names = st.sampled_from([(ALICE,), (ALICE, BOB), (BOB,)])
    return st.builds(_rules, whole, st.sampled_from(ways)) | st.builds(_signers, names, st.sampled_from(ways))


def _both(version: str, gates: list[Any], way: str) -> Step:
    def step(made: Shop) -> None:
        changes = made.pinned("production", version, digest=digest_of(made, version))
        changes[environment_path("production")] = made.environment(
            "production", gates=gates, policy={"evidence": "none"}
        )
        land(made, changes, way)

    return step


def pins_with_rules(ways: Sequence[str] = WAYS) -> st.SearchStrategy[Step]:
    """A pin and looser rules in one commit."""
    return st.builds(_both, st.sampled_from(VERSIONS), st.sampled_from([[], GATES]), st.sampled_from(ways))


def _wait(days: int) -> Step:
    return lambda made: made.wait(days=days)


def _refresh(days: int) -> Step:
    def step(made: Shop) -> None:
        made.refresh(day=made.fakes.data.data_date + timedelta(days=days))

    return step


def _apply(made: Shop) -> None:
    made.apply()


#: Time, fresh data, and runs of apply.
machines: st.SearchStrategy[Step] = (
    st.builds(_wait, st.integers(1, 3)) | st.builds(_refresh, st.integers(1, 3)) | st.just(_apply) | st.just(_apply)
)


def _fail(kind: str, version: str, whose: str, times: int) -> Step:
    return lambda made: made.trainer.fail(kind, version, whose, times=times)


def _fill(what: str, times: int) -> Step:
    def step(made: Shop) -> None:
        place = made.fakes.open_store(".reconciler/store") if what == "store" else made.target(what)
        place.full = times

    return step


def _tamper(name: str, how: str) -> Step:
    def step(made: Shop) -> None:
        target = made.target(name)
        if MODEL in target.served:
            (target.flip if how == "flip" else target.remove)(MODEL)

    return step


#: What goes wrong: failing jobs, full disks, targets that were tampered with.
accidents: st.SearchStrategy[Step] = (
    st.builds(
        _fail,
        st.sampled_from(["train", "judge", "check"]),
        st.sampled_from(VERSIONS),
        st.sampled_from(["recipe", "machine"]),
        st.integers(1, 4),
    )
    | st.builds(_fill, st.sampled_from(["store", "sandbox", "production"]), st.integers(1, 4))
    | st.builds(_tamper, st.sampled_from(["sandbox", "production"]), st.sampled_from(["flip", "remove"]))
)
