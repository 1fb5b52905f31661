"""The usual form: order, indentation and spacing change; meaning and comments do not."""

from __future__ import annotations

import pytest
import yaml

from reconciler.adapters.manifests.editor import Editor
from reconciler.domain.errors import AuthorMustFix
from tests.support.manifests import PRODUCTION, PRODUCTION_RELEASE, SANDBOX, SANDBOX_RELEASE, VERSION


def tidy(text: str) -> str:
    return Editor().tidy("f.yaml", text.encode()).decode()


@pytest.mark.parametrize("text", [VERSION, SANDBOX, PRODUCTION, SANDBOX_RELEASE, PRODUCTION_RELEASE])
def test_what_is_in_form_stays_byte_for_byte(text: str) -> None:
    assert tidy(text) == text


UNTIDY = """\
# yaml-language-server: $schema=../docs/schema/Environment.json
---
kind:   Environment   # what it is
# the format
apiVersion: reconciler/v1alpha1


spec:
    # where it runs
    target: {path: "x",   kind: folder}
    gates:
    # the first gate
    - kind: threshold
      atMost: 0.5   # half
      figure: log_loss
      # below the figure
    -   {kind:   deployed-below}
    # below the gates

    promotesFrom:   sandbox
    policy:
        evidence: merge
        # last of the policy
    # about data
    data: {
      copyOf: a  # inside
    }
metadata: {description: "long
    text", name: x}
# the end

"""
TIDY = """\
# yaml-language-server: $schema=../docs/schema/Environment.json
# the format
apiVersion: reconciler/v1alpha1
kind: Environment  # what it is
metadata: {description: "long
    text", name: x}

spec:
  # below the gates
  promotesFrom: sandbox
  # about data
  data: {
    copyOf: a  # inside
  }
  # where it runs
  target: {kind: folder, path: "x"}
  gates:
    # the first gate
    - kind: threshold
      figure: log_loss
      atMost: 0.5  # half
      # below the figure
    - {kind: deployed-below}
  policy:
    evidence: merge
    # last of the policy
# the end
"""


def test_keys_are_ordered_indentation_is_two_and_comments_follow() -> None:
    assert tidy(UNTIDY) == TIDY
    assert yaml.safe_load(TIDY) == yaml.safe_load(UNTIDY)


def test_applying_it_twice_is_applying_it_once() -> None:
    assert tidy(TIDY) == TIDY


@pytest.mark.parametrize("value", ['"Invoice #"', "'# 1'", '{column: "Invoice #", decimal: ","}', "a#b"])
def test_a_comment_stays_behind_a_text_that_holds_its_mark(value: str) -> None:
    text = f"kind: Environment\nmetadata:\n  name: x\n  invoice: {value}  # by its name\n  # the end\n"
    assert tidy(text) == text


def test_windows_line_ends_stay() -> None:
    assert tidy(UNTIDY.replace("\n", "\r\n")) == TIDY.replace("\n", "\r\n")


def test_blocks_of_text_move_with_their_key() -> None:
    text = "metadata:\n    name: x\n    description: |\n        one\n\n          two\nkind: Release\n"
    expected = "kind: Release\nmetadata:\n  name: x\n  description: |\n      one\n\n        two\n"
    assert tidy(text) == expected
    assert tidy(expected) == expected


def test_quotes_and_styles_of_values_stay() -> None:
    head = "kind: 'Release'\nmetadata: {name: \"x\"}\n"
    text = head + "spec:\n  models:\n    b: {version: '1.0.0'}\n    a:\n      version: \"1.0.0\"\n"
    assert tidy(text) == text


def test_braces_over_several_lines_become_one_line_where_that_fits() -> None:
    assert tidy("kind: Release\nmetadata: {\n  name:   x }\n") == "kind: Release\nmetadata: {name: x}\n"
    long = "kind: Release\nmetadata: {\n  name: x,\n  other: " + "y" * 120 + "}\n"
    assert tidy(long) == long


@pytest.mark.parametrize("text", ["a: [", "", "a: 1\na: 2\n", "a: 1\n---\nb: 2\n", "a: &x 1\n", "- a\n"])
def test_a_file_that_is_not_sound_yaml_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(AuthorMustFix) as refused:
        tidy(text)
    assert refused.value.message.startswith("f.yaml:")


def test_a_file_whose_meaning_would_change_is_refused() -> None:
    text = "metadata:\n    description: |2\n        one\n    name: x\nkind: Release\n"
    try:
        after = tidy(text)
    except AuthorMustFix as refused:
        assert "its meaning would change" in refused.message
    else:
        assert yaml.safe_load(after) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ("kind: csv, path: i.csv, delimiter: ';', encoding: latin-1", ["kind", "path", "delimiter", "encoding"]),
        ("credentials: erp, table: t, url: 'sqlite:///x', kind: sql", ["kind", "url", "table", "credentials"]),
        (
            "scope: s, clientId: c, credentials: erp, tokenUrl: 'https://h/t', kind: oauth2",
            ["kind", "tokenUrl", "clientId", "scope", "credentials"],
        ),
    ],
)
def test_keys_of_a_block_of_several_kinds_stand_in_the_order_of_its_own_kind(source: str, keys: list[str]) -> None:
    block = f"{{{source}}}"
    if "oauth2" in source:
        block = f"{{kind: odata, url: 'https://h/data', entity: e, authentication: {block}}}"
    text = PRODUCTION.replace("{kind: csv, path: data/invoices.csv}", block)
    assert block in text
    found = yaml.safe_load(tidy(text))["spec"]["data"]["invoices"]["source"]
    assert list(found.get("authentication", found)) == keys
