"""When a payment is on time, late or very late, and from when on that is known for certain.

Days are whole numbers since 1970-01-01; `NO_DAY` stands for a day that has not come. Pure arithmetic on arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reconciler.domain import manifests
from reconciler.domain.errors import AuthorMustFix

Days = npt.NDArray[np.int64]
NO_DAY = 2**31 - 1

ON_TIME, LATE, VERY_LATE = "on_time", "late", "very_late"


@dataclass(frozen=True)
class Outcomes:
    """The two limits of a recipe, in days after the due date; `very_late_after` 0 folds late and very late."""

    late_after: int
    very_late_after: int

    @classmethod
    def of(cls, written: manifests.Outcomes) -> Outcomes:
        """The limits as written. Raises AuthorMustFix where very late would start before late."""
        if 0 < written.very_late_after_days <= written.late_after_days:
            raise AuthorMustFix(
                f"veryLateAfterDays is {written.very_late_after_days}, which is not after lateAfterDays "
                f"{written.late_after_days}",
                next_step="make veryLateAfterDays larger than lateAfterDays, or 0 to have only on time and late",
            )
        return cls(written.late_after_days, written.very_late_after_days)

    @property
    def names(self) -> tuple[str, ...]:
        """The outcomes in their order, which is that of the model's probabilities."""
        return (ON_TIME, LATE, VERY_LATE) if self.very_late_after else (ON_TIME, LATE)

    @property
    def period(self) -> int:
        """Days after the due date from which on an open invoice has its last outcome for certain."""
        return self.very_late_after or self.late_after + 1

    def of_rows(self, due: Days, settled: Days) -> Days:
        """Position in `names` of each row: days late ≤ late_after is 0, ≥ very_late_after is the last.
        A row that is not settled has the last outcome; ask `mature` first."""
        late = settled - due
        found = (late > self.late_after).astype(np.int64)
        return found + (late >= self.very_late_after) if self.very_late_after else found

    def mature(self, due: Days, cut: int) -> npt.NDArray[np.bool_]:
        """Where the outcome is known at the start of day `cut`: due date + period ≤ cut. `cut` is a date of the
        data, never the clock's."""
        return due + self.period <= cut

    def possible(self, due: Days, as_of: int) -> npt.NDArray[np.bool_]:
        """[rows, outcomes]: which outcomes an invoice that may be paid from day `as_of` on can yet have."""
        late = as_of - due
        out = np.ones((len(due), len(self.names)), dtype=np.bool_)
        out[:, 0] = late <= self.late_after
        if self.very_late_after:
            out[:, 1] = late < self.very_late_after
        return out
