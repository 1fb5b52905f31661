"""How many days terms of payment give, from what people write: `NET30`, `30`, `2/10 net 30`, `30 Tage netto`. Pure."""

from __future__ import annotations

import re

#: The whole text in small letters; the first group is the days within which all is due. What a discount asks before is
#: read over. Other texts (`30 EOM`, `on receipt`) say no number of days: a mapping's `values` may give them one.
NET_DAYS = (
    "^(?:[0-9]{1,2}(?:[.,][0-9]+)? ?%? ?/ ?[0-9]{1,3} ?(?:days|tage)?(?:[,;] ?| ))?"
    "(?:(?:net|netto|n) ?[-/:]? ?|zahlbar in |zahlbar innerhalb )?([0-9]{1,3})(?:[.]0+)?[ ]?"
    "(?:d|days?|t|tage?n?|jours?|dagen|giorni|días|dias|dni)?[ ]?(?:net|netto)?[.]?$"
)


def net_days(text: str) -> int | None:
    """The days of a text, or None."""
    found = re.match(NET_DAYS, text.lower())
    return int(found[1]) if found else None
