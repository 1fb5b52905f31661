"""Setting one pin: that line changes, and nothing else of the file."""

from __future__ import annotations

from datetime import date

import pytest
import yaml

from reconciler.adapters.manifests.editor import Editor
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import Hold, Pin
from tests.support.manifests import DIGEST, PRODUCTION, PRODUCTION_RELEASE, VERSION

HEAD = "# who owns this\napiVersion: reconciler/v1alpha1\nkind: Release\nmetadata: {name: production}\n"
PIN = Pin(version="1.1.0", digest=DIGEST)
LINE = f'payment-prediction: {{version: 1.1.0, digest: "{DIGEST}"}}'


def set_pin(text: str, pin: Pin = PIN, model: str = "payment-prediction") -> str:
    return Editor().set_pin(text.encode(), model, pin, "manifests/releases/production.yaml").decode()


def changed_lines(before: str, after: str) -> list[str]:
    return [line for line in after.splitlines() if line not in before.splitlines()]


def test_the_values_of_a_pin_in_braces_change_and_nothing_else() -> None:
    old = f'    payment-prediction:   {{version: 1.0.0,   digest: "sha256:{"0" * 64}"}}   # since May\n'
    text = HEAD + "spec:\n  models:\n    # first\n" + old + "    zebra: {version: 3.0.0}  # last\n"
    new = old.replace("1.0.0", "1.1.0").replace(f"sha256:{'0' * 64}", DIGEST)
    assert set_pin(text) == text.replace(old, new)


def test_a_digest_is_added_to_a_pin_in_braces() -> None:
    text = HEAD + "spec:\n  models:\n    payment-prediction: {version: 1.0.0}\n"
    assert set_pin(text) == HEAD + f"spec:\n  models:\n    {LINE}\n"


def test_a_pin_written_in_lines_changes_in_lines() -> None:
    text = (
        HEAD + "spec:\n  models:\n    payment-prediction:  # ours\n"
        "      version: '1.0.0'  # v\n\n    zebra: {version: 3.0.0}\n"
    )
    expected = text.replace("'1.0.0'  # v\n", f"'1.1.0'  # v\n      digest: \"{DIGEST}\"\n")
    assert set_pin(text) == expected


def test_a_new_pin_goes_below_the_last_one() -> None:
    text = HEAD + "spec:\n    models:\n        zebra: {version: 3.0.0}  # last\n        # end of models\n"
    expected = text.replace("# last\n", f"# last\n        {LINE}\n")
    assert set_pin(text) == expected


@pytest.mark.parametrize(
    "tail",
    [
        "spec:\n  models: {}\n",
        "spec:\n  models: {}  # none yet\n",
        "spec:\n  models:\n",
        "spec:\n  models: {}",
        "spec: {}\n",
        "spec: {models: {}}\n",
        "",
        "spec:\n  models: {zebra: {version: 3.0.0}}\n",
        "spec: {models: {zebra: {version: 3.0.0},}}",
    ],
)
def test_a_pin_is_added_wherever_there_is_none(tail: str) -> None:
    before = yaml.safe_load(HEAD + tail)
    after = yaml.safe_load(set_pin(HEAD + tail))
    there = dict((before.get("spec") or {}).get("models") or {})
    assert after == {
        **before,
        "spec": {"models": {**there, "payment-prediction": {"version": "1.1.0", "digest": DIGEST}}},
    }
    assert all(comment in set_pin(HEAD + tail) for comment in ["# who owns this"] + ["# none yet"] * ("none" in tail))


def test_into_empty_braces_the_pin_goes_inside_and_in_their_place_where_they_have_a_line_of_their_own() -> None:
    assert set_pin(PRODUCTION_RELEASE).endswith(f"  models: {{{LINE}}}\n")
    assert set_pin(PRODUCTION_RELEASE.replace(" {}", "\n    {}")).endswith(f"  models:\n    {LINE}\n")


def test_windows_line_ends_and_a_byte_order_mark_stay() -> None:
    text = "\ufeff" + (HEAD + "spec:\n  models:\n    zebra: {version: 3.0.0}").replace("\n", "\r\n")
    assert set_pin(text + "\r\n") == text + f"\r\n    {LINE}\r\n"


def test_where_the_last_line_has_no_end_the_pin_goes_above_so_that_it_stays_as_it_is() -> None:
    text = HEAD + "spec:\n  models:  # pins\n    zebra: {version: 3.0.0}"
    assert set_pin(text) == text.replace("# pins\n", f"# pins\n    {LINE}\n")


def test_withdrawing_writes_the_pin_anew() -> None:
    text = HEAD + f'spec:\n  models:\n    payment-prediction: {{version: 1.0.0, digest: "{DIGEST}"}}  # x\n'
    after = set_pin(text, Pin(state="withdrawn"))
    assert after == HEAD + "spec:\n  models:\n    payment-prediction: {state: withdrawn}  # x\n"


def test_withdrawing_a_pin_written_in_lines_takes_its_lines_out() -> None:
    text = (
        HEAD + f"spec:\n  models:\n    payment-prediction:\n      # why\n"
        f'      version: 1.0.0\n      digest: "{DIGEST}"\n    zebra: {{version: 3.0.0}}\n'
    )
    after = set_pin(text, Pin(state="withdrawn"))
    assert yaml.safe_load(after)["spec"]["models"] == {
        "payment-prediction": {"state": "withdrawn"},
        "zebra": {"version": "3.0.0"},
    }
    assert "# why" in after


def test_a_hold_is_written_so_that_it_reads_back() -> None:
    hold = Hold(reason='say "no": # not yet', by="yes", until=date(2027, 1, 1))
    after = set_pin(PRODUCTION_RELEASE, Pin(version="1.1.0", hold=hold))
    document, problems = Editor().parse("manifests/releases/production.yaml", after.encode())
    assert problems == ()
    assert isinstance(document, dict)
    assert Pin.model_validate(document["spec"]["models"]["payment-prediction"]).hold == hold


def test_setting_what_is_there_already_changes_no_byte() -> None:
    once = set_pin(PRODUCTION_RELEASE)
    assert set_pin(once) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spec: [", "is not YAML"),
        (HEAD + "spec:\n  models: {a: &x {version: 1.0.0}}\n", "&x is an anchor"),
        (HEAD + "spec:\n  models: [a]\n", "spec.models is not a mapping"),
        ("- a\n", "this is not a manifest"),
        ("", "is empty"),
        (HEAD + "spec: 3\n", "spec is not a mapping"),
        (
            HEAD + "spec:\n  models:\n    payment-prediction:\n      state: withdrawn  # because\n",
            "cannot be changed alone",
        ),
    ],
)
def test_a_file_that_cannot_be_edited_safely_is_refused_with_its_place(text: str, expected: str) -> None:
    with pytest.raises(AuthorMustFix) as refused:
        set_pin(text)
    assert expected in refused.value.message
    assert refused.value.message.startswith("manifests/releases/production.yaml:")
    assert refused.value.next_step


def test_only_the_version_of_a_manifest_is_set() -> None:
    after = Editor().set_version(VERSION.encode(), "1.0.1", "f").decode()
    assert after == VERSION.replace("version: 1.0.0", "version: 1.0.1")


def test_places_of_fields_are_those_of_their_keys() -> None:
    assert str(Editor().place_of("f", PRODUCTION.encode(), ["spec", "gates", 1, "atMost"])) == "f:18:43"  # type: ignore[list-item]
    assert str(Editor().place_of("f", PRODUCTION.encode(), ["spec", "nothing"])) == "f"
    assert str(Editor().place_of("f", b"\xff", ["spec"])) == "f"
