"""How dates are written that strptime alone does not read: months by their English and German names, and days,
seconds or milliseconds that are counted from a first day. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

_NAMES = """
    jan january januar jän jänner jaenner; feb february februar feber; mar march mär märz mrz maerz; apr april;
    may mai; jun june juni; jul july juli; aug august; sep sept september; oct october okt oktober;
    nov november; dec december dez dezember
"""
#: A month's name in small letters → its two figures.
MONTHS: Mapping[str, str] = {
    name: f"{number:02d}" for number, names in enumerate(_NAMES.split(";"), 1) for name in names.split()
}
#: What a `dateFormat` may say instead of a strptime format → the texts that it reads; the first group is counted.
COUNTED: Mapping[str, str] = {
    "excel": "^([0-9]{1,6})([.,][0-9]*)?$",
    "unix": "^([0-9]{1,11})([.,][0-9]*)?$",
    "unix-ms": "^([0-9]{1,14})([.,][0-9]*)?$",
}
EXCELS_FIRST = "1899-12-30"  # as it counts from March 1900 on
_NAME = "[^\\W\\d_]{3,}"


def has_month_name(form: str) -> bool:
    """Whether texts of a format hold a month's name, short or long."""
    return "%b" in form or "%B" in form


def with_figures(form: str) -> str:
    """The format, with figures in the name's place."""
    return form.replace("%b", "%m").replace("%B", "%m")


def month_ends(form: str) -> str:
    """What may follow a month's name as part of it: the dot of a short one, where the format has none there."""
    return "" if "%b." in form or "%B." in form else "[.]?"


def moment_of(text: str, form: str) -> datetime | None:
    """The moment that a text says by a format, as `dateFormat` has it; None where it says none."""
    if form in COUNTED:
        return _counted(text, form)
    if has_month_name(form):
        found = re.search(f"({_NAME}){month_ends(form)}", text)
        figures = MONTHS.get(found[1].lower()) if found else None
        if found is None or figures is None:
            return None
        text, form = f"{text[: found.start()]}{figures}{text[found.end() :]}", with_figures(form)
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def _counted(text: str, form: str) -> datetime | None:
    found = re.match(COUNTED[form], text)
    if found is None:
        return None
    count = int(found[1])
    if form == "excel":
        return datetime.fromisoformat(EXCELS_FIRST) + timedelta(days=count)
    return datetime.fromtimestamp(count if form == "unix" else count / 1000, UTC)
