"""The pages of an entity set, one after the other, into one plain file: a page counts when all of it has come."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from reconciler.adapters.sources.readers.odata_cells import Check, NotSo, text_of
from reconciler.adapters.sources.readers.odata_web import Answer, Service, refusal
from reconciler.domain.errors import NeedsPerson, RetryLater
from reconciler.tools.patience import TryAgain

ACCEPT = "application/json;odata.metadata=minimal;IEEE754Compatible=true"
_JSON = ("application/json", "text/json")


@dataclass(frozen=True)
class Page:
    """Rows, how many there are in all where the service said it, and where the next page is."""

    rows: Sequence[dict[str, Any]]
    count: int | None
    next: httpx.URL | None


@dataclass(frozen=True)
class QueryRefused(Exception):
    """The service refused the first page."""

    answer: Answer


def pages(service: Service, first: httpx.URL, what: str) -> Iterator[Page]:
    """All pages. Raises QueryRefused where the first one is, NeedsPerson where the links have no end."""
    limits = service.limits
    url: httpx.URL | None = first
    seen: set[str] = set()
    while url is not None:
        if str(url) in seen or len(seen) >= limits.pages:
            raise NeedsPerson(
                f"the pages of {what} have no end: "
                + ("a next link leads back" if str(url) in seen else f"there are more than {limits.pages:,}"),
                next_step="tell the service's keeper, or ask for fewer rows with `where`",
            )
        seen.add(str(url))
        page = _page(service, url, what, is_first=url == first)
        yield page
        url = page.next


def _page(service: Service, url: httpx.URL, what: str, *, is_first: bool) -> Page:
    def read(answer: Answer) -> Page:
        if answer.status != 200 and is_first:
            raise QueryRefused(answer)
        if answer.status not in (200, 401, 403):
            raise RetryLater(
                f"{url.host} refuses its own next link of {what} (status {answer.status})", next_step="try again later"
            )
        if answer.kind not in _JSON:
            raise refusal(answer, what)
        found = _parsed(answer.body)
        if "error" in found and "value" not in found:
            raise TryAgain("failed in the middle of a page")
        rows, link = found.get("value"), found.get("@odata.nextLink")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise refusal(answer, what)
        if link is not None and not isinstance(link, str):
            raise refusal(answer, what)
        count = str(found.get("@odata.count", ""))
        following = service.link(answer.url, link, "next link") if link else None
        return Page(rows, int(count) if count.isdecimal() and len(count) < 16 else None, following)

    return service.get(url, ACCEPT, service.limits.page, read)


def _parsed(body: bytes) -> dict[str, Any]:
    """JSON whose numbers stay texts. What is no JSON has been cut off."""
    try:
        found = json.loads(body, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        raise TryAgain("sent half a page") from None
    return found if isinstance(found, dict) else {}


@dataclass
class Sheet:
    """The file: a line a row, the row's number first, then its cells, of which each has its check."""

    path: Path
    columns: Sequence[tuple[str, Check]]
    rows: int = 0
    pages: int = 0
    refused: dict[str, list[int]] = field(default_factory=dict)

    def fill(self, found: Iterator[Page], told: Callable[[int, int], None]) -> int | None:
        """Write every page; returns how many rows the service said there are, when it was first asked."""
        count: int | None = None
        with self.path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
            for page in found:
                count = page.count if self.pages == 0 else count
                writer.writerows(self._lines(page))
                self.pages += 1
                told(self.rows, max(count or 0, self.rows) if count else 0)
        return count

    def digest(self) -> bytes:
        """What two equal readings have in common, the rows that are refused included."""
        with self.path.open("rb") as stream:
            whole = hashlib.file_digest(stream, "sha256")
        whole.update(repr(sorted(self.refused.items())).encode())
        return whole.digest()

    def _lines(self, page: Page) -> Iterator[list[str | int]]:
        for row in page.rows:
            self.rows += 1
            cells: list[str | int] = [self.rows]
            try:
                for name, check in self.columns:
                    value = row[name]
                    cells.append("" if value is None else check(text_of(value)))
            except KeyError:
                self.refused.setdefault("a column is missing in the answer", []).append(self.rows)
            except ValueError as error:
                cause = "a value that is not of its column's type" if isinstance(error, NotSo) else "impossible date"
                self.refused.setdefault(cause, []).append(self.rows)
            else:
                yield cells
