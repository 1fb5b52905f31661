"""apply at the command line: who is asked, and what it says of work that is left."""

from __future__ import annotations

from tests.support.company import Company


def test_without_a_terminal_and_without_yes_the_command_line_is_at_fault_and_nothing_is_done(company: Company) -> None:
    company.add("1.0.0")
    before = company.refs()
    told = company.run("apply", code=64)
    assert "there is nobody to ask: this is no terminal" in told.err.lower() and "--yes" in told.err
    assert company.refs() == before
    company.apply()
    assert "Nothing to do." in company.run("apply").out, "where there is nothing to ask, nobody is needed"
