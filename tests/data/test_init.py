"""`init` and `data show`, as typed: a repository that is whole, valid and refreshed, or nothing at all."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.csv_files import ENGLISH, GERMAN, Style, made_invoices, plain_csv, render
from tests.support.typing_in import typed

pytestmark = pytest.mark.usefixtures("no_identity")

SHARED = (
    Path(os.environ.get("RECONCILER_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "accounts_receivable.csv"
)
TRUTH = made_invoices(300, days=700)


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def files(folder: Path) -> Sequence[str]:
    return git(folder, "ls-files").splitlines()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository begun with the example, for tests that only read it."""
    folder = tmp_path_factory.mktemp("begun") / "shop"
    assert typed("init", folder, "--example", "-q") == 0
    return folder


def test_the_example_is_one_commit_on_main_of_manifests_environments_and_nothing_of_customers(shop: Path) -> None:
    assert git(shop, "log", "--format=%D %s") == "HEAD -> main Begin"
    assert files(shop) == [
        ".gitignore",
        "README.md",
        "environments/production.yaml",
        "environments/sandbox.yaml",
        "manifests/models/payment-prediction/1.0.0.yaml",
        "manifests/releases/production.yaml",
        "manifests/releases/sandbox.yaml",
        "schemas/Environment.json",
        "schemas/ModelVersion.json",
        "schemas/Release.json",
    ]
    assert git(shop, "status", "--short") == ""
    assert (shop / "data" / "invoices.csv").exists()


def test_what_was_written_is_valid_and_in_its_usual_form(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("-C", shop, "validate") == 0
    assert typed("-C", shop, "fmt", "--check") == 0, capsys.readouterr()


def test_every_manifest_begins_with_the_line_that_tells_editors_its_schema(shop: Path) -> None:
    manifests = [shop / name for name in files(shop) if name.endswith(".yaml")]
    for manifest in manifests:
        head = manifest.read_text().splitlines()[0]
        assert head.startswith("# yaml-language-server: $schema=")
        assert (manifest.parent / head.partition("$schema=")[2]).resolve().is_file()


def test_the_schemas_describe_what_was_written(shop: Path) -> None:
    import jsonschema
    import yaml

    for name in files(shop):
        if name.endswith(".yaml"):
            document = yaml.safe_load((shop / name).read_text())
            schema = json.loads((shop / "schemas" / f"{document['kind']}.json").read_text())
            jsonschema.validate(document, schema)


def test_the_readme_of_the_example_predicts_as_of_the_day_at_which_its_data_ends(shop: Path) -> None:
    line = "reconciler predict -e production --as-of 2025-12-31 --out open.csv"
    assert line in (shop / "README.md").read_text()


def test_the_example_is_refreshed_once_and_ready_to_train(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert git(shop, "log", "--format=%s", "ledger/sandbox").count("\n") == 1  # adopt, refresh
    assert typed("-C", shop, "plan", "-o", "json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert {"train", "deploy"} <= {action["action"] for action in plan["actions"]}


def test_the_same_seed_begins_the_same_tree_and_snapshot(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("init", "again", "--example", "-o", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert git(tmp_path / "again", "rev-parse", "HEAD^{tree}") == git(shop, "rev-parse", "HEAD^{tree}")
    assert (shop / ".reconciler" / "snapshots" / told["snapshot"].removeprefix("sha256:")).is_dir()
    assert told["rows"]["invoices"] > 3000
    assert told["set_aside"] == {
        "invoices: doubled key (invoice)": 2,
        "invoices: due before the invoice date (due_date)": 1,
        "invoices: impossible date (due_date)": 1,
    }


def test_data_show_draws_months_and_names_nobody(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("-C", shop, "data", "show") == 0
    text = capsys.readouterr().out
    assert "4 rows set aside" in text
    assert "2024-03" in text
    assert "█" in text
    assert "C-10" not in text
    assert typed("-C", shop, "data", "show", "-o", "json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert sum(shown["profile"]["outcomes"].values()) == shown["snapshot"]["rows"]["invoices"]


def test_data_show_of_a_snapshot_that_is_not_recorded_names_those_that_are(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("-C", shop, "data", "show", "ffff") == 3
    assert "no snapshot of sandbox begins with 'ffff'" in capsys.readouterr().err


def test_a_folder_that_is_not_empty_is_refused_and_not_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "mine.txt").write_text("mine")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert typed("init", "shop", "--example") == 3
    assert "shop is not empty: nothing was touched" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("mine")
    assert typed("init", "shop", "--example") == 3
    assert (tmp_path / "shop").read_text() == "mine"


def test_an_empty_folder_that_one_stands_in_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    assert typed("init", ".", "--example", "-q") == 0
    assert git(Path(), "status", "--short") == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop"]


def test_either_the_example_or_a_file(tmp_path: Path) -> None:
    assert typed("init", "shop") == 64
    assert typed("init", "shop", "--example", "--from", "x.csv") == 64
    assert typed("init", "shop", "--example", "--as-of", "2024-01-01") == 64
    assert not (tmp_path / "shop").exists()


def test_without_a_terminal_and_without_yes_the_mapping_is_shown_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "i.csv").write_bytes(render(TRUTH, Style()))
    assert typed("init", "mine", "--from", "i.csv") == 3
    told = capsys.readouterr().err
    assert "Proposed mapping" in told
    assert "--yes" in told
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    "style",
    [
        Style(),
        Style(headers=GERMAN, delimiter=";", decimal=",", date_format="%d.%m.%Y", encoding="latin-1", newline="\r\n"),
        Style(delimiter="\t", date_format="%m/%d/%Y", encoding="utf-16", days_to_settle=True),
    ],
)
def test_a_file_of_ones_own_is_begun_in_whatever_style_it_is(
    tmp_path: Path, style: Style, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "i.csv").write_bytes(render(TRUTH, style))
    assert typed("init", "mine", "--from", "i.csv", "--yes") == 0
    told = capsys.readouterr().out
    still_open = sum(invoice.settled_date is None for invoice in TRUTH)
    assert "300 invoices; 0 rows set aside; on time" in told
    assert f"{still_open} open" in told
    assert "Next: cd mine && reconciler apply --yes" in told
    assert typed("-C", tmp_path / "mine", "validate") == 0
    assert git(tmp_path / "mine", "config", "reconciler.dataAllow") == str(tmp_path)


def test_too_many_bad_rows_leave_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = render(TRUTH, Style()).decode().splitlines()
    (tmp_path / "i.csv").write_text("\n".join([*lines, *lines[1:11]]) + "\n")
    assert typed("init", "mine", "--from", "i.csv", "--yes") == 3
    told = capsys.readouterr().err
    assert "20 of 310 rows of invoices are bad" in told
    assert "doubled key" in told
    assert [path.name for path in tmp_path.iterdir()] == ["i.csv"]


def test_a_file_that_is_no_invoices_file_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "i.csv").write_text("name,colour\na,red\nb,blue\n")
    assert typed("init", "mine", "--from", "i.csv", "--yes") == 3
    assert "no column was recognised as" in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()


def test_headers_that_would_break_yaml_or_a_terminal_do_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = 'Amount "}\n  gates: [] # \x1b[31m\\ {x: y}'
    headers = {**ENGLISH, "amount": evil, "country": "no", "customer": "Customer: 'no' # *x"}
    (tmp_path / "i.csv").write_bytes(render(TRUTH, Style(headers=headers)))
    assert typed("init", "mine", "--from", "i.csv", "--yes") == 0
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err
    assert "300 invoices" in told.out
    assert typed("-C", tmp_path / "mine", "validate") == 0


def test_a_plain_file_of_fields_by_their_own_names_is_understood(tmp_path: Path) -> None:
    rows = [f"{i.invoice},{i.customer},{i.invoice_date},{i.due_date},{i.settled_date or ''},{i.amount}" for i in TRUTH]
    (tmp_path / "i.csv").write_text(plain_csv(*rows))
    assert typed("init", "mine", "--from", "i.csv", "--yes", "-q") == 0


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="the real invoices are not here (RECONCILER_SHARED)")
def test_the_real_invoices_are_begun_as_they_were_known_on_a_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("init", "real", "--from", SHARED, "--as-of", "2013-09-30", "--yes") == 0
    told = capsys.readouterr().out
    assert "2,258 invoices; 0 rows set aside; on time 63 %, late 28 %, very late 9 %; 88 open, 7 overdue." in told
    assert "veryLateAfterDays: 15" in (tmp_path / "real/manifests/models/payment-prediction/1.0.0.yaml").read_text()
