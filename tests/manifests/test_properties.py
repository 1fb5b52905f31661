"""What holds for every input: the reader never raises, an edit changes one pin, order never matters."""

from __future__ import annotations

import random

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.adapters.manifests import Manifests
from reconciler.adapters.manifests.editor import Editor
from reconciler.core.validation import validate
from reconciler.domain.errors import AuthorMustFix
from reconciler.domain.manifests import Pin
from tests.support.manifests import DIGEST, PRODUCTION, SANDBOX_RELEASE, SOUND, TASKS, VERSION, V, edited, problems_of
from tests.support.trees import MemoryTrees

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

keys = """
metadata spec models name version filters all any not field op value kind gates data mapping invoices apiVersion
policy evidence features include estimator Environment Release ModelVersion reconciler/v1alpha1 threshold 1.0.0 no x
"""
words = st.sampled_from(keys.split())
scalars = words | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4), max_leaves=25
)


@QUICK
@given(st.binary(max_size=300))
@example(b"\xff\xfe")
@example(b"%TAG ! !\n--- !x\n")
@example(b"? a\n: b\n? [c]\n: d\n")
@example("a: \ufeffb\n\u2028".encode())
@example(b"- - - - -\n\t- x: *a\n")
@example(b'"\\ud800": 1\n')
@example(b"'\r\n': 1\r\n\r")
def test_arbitrary_bytes_give_problems_and_never_an_exception(content: bytes) -> None:
    for name in ("v", "r_sandbox", "sandbox"):
        problems = problems_of(edited(**{name: content}))
        assert problems
        assert all(str(problem) for problem in problems)


@QUICK
@given(st.sampled_from(["v", "r_sandbox", "production"]), documents)
@example("v", {"kind": []})
def test_arbitrary_documents_give_problems_and_never_an_exception(name: str, document: object) -> None:
    text = yaml.safe_dump(document, allow_unicode=True)
    problems_of(edited(**{name: text}))


@QUICK
@given(st.sampled_from([VERSION, PRODUCTION, SANDBOX_RELEASE]), st.data())
def test_a_sound_file_with_a_piece_replaced_gives_problems_and_never_an_exception(
    text: str, data: st.DataObject
) -> None:
    name = {VERSION: "v", PRODUCTION: "production", SANDBOX_RELEASE: "r_sandbox"}[text]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    piece = data.draw(
        st.sampled_from(["", "{", "}", "[", ":", "\n", "null", "- ", "&a ", "*a", "!x ", "#", '"', "1", "é"])
    )
    problems_of(edited(**{name: text[:start] + piece + text[end:]}))


names = st.from_regex(r"\A[a-z][a-z0-9-]{0,8}\Z") | st.sampled_from(["no", "on", "true", "null"])
versions = st.tuples(*[st.integers(0, 20)] * 3).map(lambda parts: ".".join(map(str, parts)))
comments = st.sampled_from(["", "  # a comment", " # {version: 9.9.9}"])


@st.composite
def releases(draw: st.DrawFn) -> str:
    """A release in one of the styles that people write."""
    lines = ["# head", "apiVersion: reconciler/v1alpha1", "kind: Release", "metadata: {name: x}" + draw(comments)]
    pins = draw(st.dictionaries(names, versions, max_size=4))
    step = " " * draw(st.integers(1, 4))
    lines.append("spec:" + draw(comments))
    lines.append(f"{step}models:" + (" {}" if not pins else "") + draw(comments))
    for model, version in pins.items():
        model = f'"{model}"' if model in ("no", "on", "off", "yes", "true", "false", "null") else model
        if draw(st.booleans()):
            lines.append(f"{step}{step}{model}: {{version: {version}}}" + draw(comments))
        else:
            quote = draw(st.sampled_from(["", "'", '"']))
            lines += [
                f"{step}{step}{model}:" + draw(comments),
                f"{step * 3}version: {quote}{version}{quote}" + draw(comments),
            ]
        lines += draw(st.sampled_from([[], [""], [f"{step}{step}# between"]]))
    return draw(st.sampled_from(["\n", "\r\n"])).join([*lines, ""])


@QUICK
@given(releases(), names, versions, st.booleans())
def test_setting_a_pin_changes_that_pin_and_no_other_line(
    text: str, model: str, version: str, with_digest: bool
) -> None:
    pin = Pin(version=version, digest=DIGEST if with_digest else None)
    after = Editor().set_pin(text.encode(), model, pin, "f").decode()
    before, now = yaml.safe_load(text), yaml.safe_load(after)
    written = {"version": version} | ({"digest": DIGEST} if with_digest else {})
    assert now == {**before, "spec": {"models": {**before["spec"]["models"], model: written}}}
    gone = [line for line in text.splitlines() if line not in after.splitlines()]
    assert len(gone) <= 1, "at most the pin's own line (or one with empty braces) changes"
    assert Editor().set_pin(after.encode(), model, pin, "f").decode() == after


@QUICK
@given(releases())
def test_the_usual_form_keeps_meaning_and_comments_and_is_stable(text: str) -> None:
    once = Editor().tidy("f", text.encode())
    assert yaml.safe_load(once) == yaml.safe_load(text)
    assert once.count(b"#") == text.count("#")
    assert Editor().tidy("f", once) == once


@QUICK
@given(documents, st.integers(1, 8))
def test_the_usual_form_of_any_document_is_refused_or_means_the_same(document: object, indent: int) -> None:
    text = yaml.safe_dump(document, indent=indent, allow_unicode=True).encode()
    try:
        once = Editor().tidy("f", text)
    except AuthorMustFix:
        return
    assert yaml.safe_load(once) == yaml.safe_load(text)
    assert Editor().tidy("f", once) == once


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_files_never_matters(order: random.Random) -> None:
    files = edited(
        v=VERSION.replace("kind: boosting", "kind: bosting"),
        r_sandbox=SANDBOX_RELEASE + "    other: {version: 1.0.0}\n",
        **{"manifests/releases/a.yaml": SANDBOX_RELEASE, V.replace("1.0.0", "1.1.0"): VERSION},
    )
    paths = list(files)
    order.shuffle(paths)
    shuffled = Manifests(MemoryTrees({path: files[path] for path in paths})).read(None)
    assert (shuffled, validate(shuffled, TASKS)) == (
        expected := Manifests(MemoryTrees(files)).read(None),
        validate(expected, TASKS),
    )
    assert Manifests(MemoryTrees(SOUND)).read(None).problems == ()
