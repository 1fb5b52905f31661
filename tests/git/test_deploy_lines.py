"""Lines of deployments read without building receipts: the same lines, and the same refusals, as of built ones."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.adapters.git.deploy_lines import read_lines
from reconciler.adapters.git.receipts import message_of, parse_receipt, raw_of
from reconciler.domain.errors import VerificationFailed
from reconciler.domain.line import Line
from reconciler.domain.receipts import DeployReceipt
from reconciler.domain.record import Evidence
from reconciler.domain.summary import line_of
from tests.support.ledgers import deploy, refresh

COMMIT, TREE = "c" * 40, "7" * 40
USUAL = message_of(deploy())

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
MAYBE = st.none() | TEXTS
TIMES = st.datetimes(timezones=st.just(UTC))
DEPLOYMENTS = st.builds(
    DeployReceipt,
    format_version=st.integers(-1, 10**5),
    environment=TEXTS,
    source_commit=MAYBE,
    at=TIMES | TIMES.map(lambda at: at.replace(microsecond=0)),
    by=TEXTS,
    run_url=MAYBE,
    outcome=st.sampled_from(["succeeded", "failed"]),
    reason=TEXTS,
    model=TEXTS,
    version=TEXTS,
    digest=st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format),
    pin_commit=MAYBE,
    evidence=st.builds(
        Evidence,
        kind=st.sampled_from(["none", "merge", "signed", "forge"]),
        commit=MAYBE,
        approver=MAYBE,
        pull_request=MAYBE,
    ),
    going_back=st.booleans(),
    generation=st.integers(-1, 2**70),
)  # fmt: skip


def entry(message: str | bytes, commit: str = COMMIT) -> bytes:
    content = message if isinstance(message, bytes) else message.encode()
    return f"\0{commit} {TREE}\n".encode() + content + b"\n"


def read(message: str | bytes) -> Line | bytes:
    ((commit, found),) = read_lines(entry(message))
    assert commit == COMMIT
    return found


def refusal(message: str) -> str:
    with pytest.raises(VerificationFailed) as caught:
        parse_receipt(COMMIT, raw_of(message.encode()))
    return str(caught.value)


@given(DEPLOYMENTS)
def test_a_deployment_gives_the_line_of_its_receipt_or_is_left_to_be_built(receipt: DeployReceipt) -> None:
    message = message_of(receipt)
    found = read(message)
    if isinstance(found, Line):
        assert found == line_of(COMMIT, receipt)
    else:
        assert found == message.encode() + b"\n"


@pytest.mark.parametrize("evidence", ["none", "merge", "signed", "forge"])
@pytest.mark.parametrize("back", [False, True])
def test_a_usual_deployment_is_read_without_building_its_receipt(evidence: str, back: bool) -> None:
    made = Evidence.model_validate({"kind": evidence, "approver": "Zoë <zoe@example.com>", "commit": "2" * 40})
    receipt = DeployReceipt.model_validate({**dict(deploy(by="Jürgen")), "evidence": made, "going_back": back})
    assert read(message_of(receipt)) == line_of(COMMIT, receipt)


def test_many_entries_are_read_in_their_order_whatever_they_hold() -> None:
    messages = [USUAL, message_of(refresh()), "", "no receipt\n\n{}", USUAL]
    entries = b"".join(entry(message, str(number) * 40) for number, message in enumerate(messages))
    found = list(read_lines(entries))
    assert [commit for commit, _ in found] == [str(number) * 40 for number in range(5)]
    assert [isinstance(line, Line) for _, line in found] == [True, False, False, False, True]


def test_an_entry_that_is_not_utf_8_is_left_to_be_refused_and_its_neighbours_to_be_built() -> None:
    broken = USUAL.encode().replace(b"Ann", b"\xff")
    found = list(read_lines(entry(USUAL) + entry(broken)))
    assert found == [(COMMIT, USUAL.encode() + b"\n"), (COMMIT, broken + b"\n")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-03-01", "2026-02-29"),
        ("2026-03-01T12", "2026-03-01T24"),
        ("2026-03-01", "0000-03-01"),
        ("sha256:" + "a" * 64, "sha256:" + "A" * 64),
        ('"kind": "none"', '"kind": "certain"'),
        ('"generation": 0', '"generation": "x"'),
        ('"generation": 0', '"generation": 0, "more": 1'),
        ('"generation": 0', '"generation": 00'),
        ('  "by"', '  "bye": "",\n  "by"'),
        ('"going_back": false', '"going_back": maybe'),
        ("\n}\n", "\n}\n}\n"),
        ("\n}\n", "\n"),
    ],
)
def test_what_no_receipt_may_hold_is_never_taken_for_a_line(before: str, after: str) -> None:
    head, _, body = USUAL.partition("\n\n")
    assert before in body
    message = f"{head}\n\n{body.replace(before, after)}"
    assert "receipt" in refusal(message)
    assert read(message) == message.encode() + b"\n"


@pytest.mark.parametrize("version", ["1", "2", "99"])
def test_a_deployment_of_any_format_that_has_the_usual_fields_is_read_as_the_reader_of_receipts_does(
    version: str,
) -> None:
    message = re.sub(r'(?<="format_version": )\d+', version, USUAL)
    assert read(message) == line_of(COMMIT, parse_receipt(COMMIT, raw_of(message.encode())))


def test_a_line_sorts_by_its_moment_whatever_the_zone_it_was_written_in() -> None:
    line = line_of(COMMIT, deploy())
    assert line.at == "2026-03-01T12:00:00Z"
    assert line.moment == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert line._replace(at="2026-03-01T14:00:00+02:00").moment == line.moment
