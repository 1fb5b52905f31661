"""Which files may be read, and what is said of those that cannot be."""

from __future__ import annotations

import os
import resource
from datetime import date
from pathlib import Path

import pytest

from reconciler.adapters.sources import allowed_by
from reconciler.adapters.sources.readers.csv_lines import Layout, lines_of
from reconciler.adapters.sources.readers.csv_records import Dialect, Records
from reconciler.domain.errors import AuthorMustFix
from reconciler.tools.duck import connect
from tests.support.csv_files import PLAIN, data_of, nothing, plain_csv, rows_of, source_in

GOOD = plain_csv("A1,K1,2024-01-05,2024-02-04,2024-02-01,10.50")


def refusal(root: Path, path: str, *allowed: Path, **source: object) -> AuthorMustFix:
    """What reading `path` from a repository at `root` is refused with."""
    with (
        pytest.raises(AuthorMustFix) as caught,
        source_in(root, *allowed).extract(data_of(path, PLAIN, **source), None, nothing),
    ):
        pass
    return caught.value


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "repo" / "data").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "i.csv").write_text(GOOD)
    return tmp_path / "repo"


def test_a_file_outside_the_allowed_folders_is_refused_with_the_line_that_allows_it(root: Path) -> None:
    error = refusal(root, str(root.parent / "outside" / "i.csv"))
    assert "outside the folders that this runner allows" in error.message
    assert f"git config --add reconciler.dataAllow {root.parent / 'outside'}" in error.next_step


def test_a_file_in_an_allowed_folder_is_read(root: Path) -> None:
    outside = root.parent / "outside"
    with source_in(root, root, outside).extract(data_of(str(outside / "i.csv"), PLAIN), None, nothing) as extract:
        assert extract.rows == {"invoices": 1}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_of_plain_lines_is_read_at_once_whatever_ends_them(tmp_path: Path, end: str) -> None:
    file, layout = tmp_path / "i.csv", Layout()
    file.write_text("a;b\n1;x\n2;\n", newline=end)
    layout.see(file.read_bytes())
    with file.open("rb") as stream:
        lines = lines_of(file, layout, Records(stream, "i.csv", Dialect("utf-8", ";")), {"b": 1, "a": 0})
    with connect(tmp_path) as database:
        assert database.execute(f"SELECT c0, c1 FROM {lines}").fetchall() == [("x", "1"), (None, "2")]  # noqa: S608


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/dev/zero", "/dev/stdin"])
def test_files_of_the_machine_are_refused(root: Path, path: str) -> None:
    assert "may not be read" in refusal(root, path).message


@pytest.mark.parametrize("path", ["../outside/i.csv", "data/../../outside/i.csv", "data/\0i.csv"])
def test_a_path_that_climbs_is_refused(root: Path, path: str) -> None:
    assert ".." in refusal(root, path, root, root.parent / "outside").message


@pytest.mark.parametrize(
    "path", ["https://example.com/i.csv", "s3://bucket/i.csv", "file:///etc/passwd", "//host/share/i.csv"]
)
def test_a_url_is_refused(root: Path, path: str) -> None:
    assert "URL" in refusal(root, path).message


def test_a_link_that_leaves_the_folder_is_refused(root: Path) -> None:
    (root / "data" / "i.csv").symlink_to(root.parent / "outside" / "i.csv")
    assert "outside the folders" in refusal(root, "data/i.csv").message


def test_a_linked_folder_that_leaves_is_refused(root: Path) -> None:
    (root / "data" / "more").symlink_to(root.parent / "outside")
    assert "outside the folders" in refusal(root, "data/more/i.csv").message


def test_a_loop_of_links_is_refused(root: Path) -> None:
    (root / "data" / "i.csv").symlink_to("i.csv")
    assert "data/i.csv" in refusal(root, "data/i.csv").message


def test_a_pipe_is_refused_and_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "data" / "i.csv")
    assert "not a regular file" in refusal(root, "data/i.csv").message


def test_a_folder_is_all_its_csv_files_and_a_bad_row_says_which(root: Path) -> None:
    folder = root / "years"
    folder.mkdir()
    (folder / "2023.csv").write_text(plain_csv("A1,K1,2023-01-05,2023-02-04,,1", "A2,K1,2023-01-05,2023-02-04,,x"))
    (folder / "2024.csv").write_text(plain_csv("B1,K1,2024-01-05,2024-02-04,,1", "B2,K1,2024-13-05,2024-02-04,,2"))
    (folder / "notes.txt").write_text("nothing of ours")
    data = data_of("years", PLAIN, max_share=1)
    with source_in(root).extract(data, None, nothing) as extract:
        assert extract.rows == {"invoices": 2}
        assert [bad.where for bad in extract.examples] == ["years/2023.csv line 3", "years/2024.csv line 3"]


def test_a_pattern_finds_files_of_one_folder(root: Path) -> None:
    for name in ("a-1.csv", "a-2.csv", "b-1.csv"):
        (root / name).write_text(plain_csv(f"{name},K1,2024-01-05,2024-02-04,,1"))
    with source_in(root).extract(data_of("a-*.csv", PLAIN), None, nothing) as extract:
        assert extract.rows == {"invoices": 2}
    assert "c-*.csv: there is no such file" in refusal(root, "c-*.csv").message


def test_a_file_whose_name_has_a_star_is_that_file(root: Path) -> None:
    (root / "a*.csv").write_text(GOOD)
    (root / "ab.csv").write_text(plain_csv("B1,K1,2024-01-05,2024-02-04,,1", "B2,K1,2024-01-05,2024-02-04,,1"))
    with source_in(root).extract(data_of("a*.csv", PLAIN), None, nothing) as extract:
        assert extract.rows == {"invoices": 1}


def test_files_of_a_folder_that_reach_out_are_refused(root: Path) -> None:
    (root / "years").mkdir()
    (root / "years" / "x.csv").symlink_to("/etc/passwd")
    assert "may not be read" in refusal(root, "years").message


@pytest.mark.parametrize(
    "rows",
    [
        ('"A\n1",K1,2024-01-05,2024-02-04,,1', "A2,K1,2024-01-05,2024-02-04,,x"),
        ("A1,K1,2024-01-05,2024-02-04,,1\r", "A2,K1,2024-01-05,2024-02-04,,x"),
        ("A1,K1,2024-01-05,2024-02-04,,1,too many", "A2,K1,2024-01-05,2024-02-04,,x"),
        ('"A"1,K1,2024-01-05,2024-02-04,,1', "A2,K1,2024-01-05,2024-02-04,,x"),
        ("A1,K1,2024-01-05,2024-02-04,,1", "", "A2,K1,2024-01-05,2024-02-04,,x"),
        ("A\0,K1,2024-01-05,2024-02-04,,1", "A2,K1,2024-01-05,2024-02-04,,x"),
    ],
)
def test_where_a_line_is_no_record_bad_rows_still_have_their_line(root: Path, rows: tuple[str, ...]) -> None:
    text = plain_csv(*rows, "A3,K1,2024-01-05,2024-02-04,,1")
    (root / "i.csv").write_bytes(text.encode())
    with source_in(root).extract(data_of("i.csv", PLAIN, max_share=1), None, nothing) as extract:
        line = text.split("A2")[0].replace("\r\n", "\n").count("\n") + 1
        assert ("unparseable amount", line) in [(bad.cause, bad.line) for bad in extract.examples]


@pytest.mark.parametrize("many", [False, True], ids=["one file", "several files"])
def test_bad_rows_of_a_file_that_several_threads_read_have_their_lines(root: Path, many: bool) -> None:
    bad, last = [2, 3, 70_001, 99_999, 150_000], 160_000
    pad = "x" * 300  # so much that DuckDB reads the file in pieces
    lines = ["pad,invoice,customer,invoice_date,due_date,settled_date,amount"]
    lines += [f"{pad},A{n},K1,2024-01-05,2024-02-04,,{'x' if n in bad else 1}" for n in range(2, last + 1)]
    (root / "big").mkdir()
    (root / "big" / "b.csv").write_text("\n".join(lines))
    if many:
        (root / "big" / "a.csv").write_text("\n".join([lines[0], f"{pad},Z1,K1,2024-01-05,2024-02-04,,1"]))
    with source_in(root).extract(data_of("big/b.csv" if not many else "big", PLAIN), None, nothing) as extract:
        assert [(found.file, found.line) for found in extract.examples] == [
            ("big/b.csv" if many else "", n) for n in bad
        ]
        assert extract.rows["invoices"] == last - 1 - len(bad) + many


@pytest.mark.parametrize("first", ["the-password-of-the-server", "A1,K1,2024-01-05,2024-02-04,2024-02-01,10.50"])
def test_a_first_line_that_may_be_no_header_is_not_shown(root: Path, first: str) -> None:
    (root / "data" / "secret").write_text(f"{first}\n")
    error = refusal(root, "data/secret")
    assert "has no column" in error.message and "its first line names the columns" in error.next_step
    assert not any(cell in f"{error.message} {error.next_step}" for cell in first.split(","))


def test_a_header_is_shown_where_one_of_the_mapped_columns_is_in_it(root: Path) -> None:
    (root / "data" / "i.csv").write_text("invoice,customer,rechnungstag,owed\nA1,K1,2024-01-05,7\n")
    assert refusal(root, "data/i.csv").next_step == "its columns are: invoice, customer, rechnungstag, owed"


def test_what_lies_in_dot_git_is_refused(root: Path) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "i.csv").write_text(GOOD)
    assert "may not be read" in refusal(root, ".git/i.csv").message


def test_the_allowed_folders_come_from_the_variable_then_git_config_then_the_root(tmp_path: Path) -> None:
    assert allowed_by(tmp_path, f"/a{os.pathsep}b", ["/c"]).folders == (Path("/a"), tmp_path / "b")
    assert allowed_by(tmp_path, None, ["/c"]).folders == (Path("/c"),)
    assert allowed_by(tmp_path, "", []).folders == (tmp_path,)


def test_hosts_are_allowed_by_two_slashes_with_or_without_a_port(tmp_path: Path) -> None:
    allowed = allowed_by(tmp_path, "//db.example:5432:/data://ERP.example", [])
    assert allowed.hosts == {"db.example:5432", "erp.example"}
    assert allowed.folders == (Path("/data"),)
    allowed.check_host("DB.example", 5432)
    allowed.check_host("erp.example", 443)
    with pytest.raises(AuthorMustFix, match=r"db\.example:5433 may not be asked"):
        allowed.check_host("db.example", 5433)


def test_only_hosts_named_leaves_the_repository_as_the_folder(tmp_path: Path) -> None:
    assert allowed_by(tmp_path, None, ["//db.example"]).folders == (tmp_path,)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (GOOD.encode("utf-16"), "is not utf-8: it begins as utf-16"),
        (GOOD.replace("A1", "Müller").encode("latin-1"), "the bytes are not utf-8"),
        (plain_csv('"A1,K1,2024-01-05' + "\nx" * 100_000).encode(), "perhaps a quote that does not end"),
        (GOOD.encode() + b"x" * (3 << 20), "longer than 1 MiB"),
    ],
)
def test_a_file_that_is_not_as_described_is_a_clear_refusal(root: Path, content: bytes, words: str) -> None:
    (root / "data" / "i.csv").write_bytes(content)
    assert words in refusal(root, "data/i.csv").message


def test_a_line_of_a_hundred_megabytes_is_refused_in_bounded_memory(root: Path) -> None:
    with (root / "data" / "i.csv").open("wb") as stream:
        stream.write(b"invoice,")
        stream.truncate(100 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "line is longer than 1 MiB" in refusal(root, "data/i.csv").message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_each_encoding_is_read(root: Path, encoding: str) -> None:
    (root / "data" / "i.csv").write_bytes(GOOD.replace("K1", "Jürgen").encode(encoding))
    said = "utf-8" if encoding.startswith("utf-8") else encoding
    with source_in(root).extract(data_of("data/i.csv", PLAIN, encoding=said), None, nothing) as extract:
        assert rows_of(extract, columns="customer") == [("Jürgen",)]


def test_the_temporary_folder_is_gone_afterwards(root: Path) -> None:
    (root / "data" / "i.csv").write_text(GOOD)
    with source_in(root).extract(data_of("data/i.csv", PLAIN), date(2024, 3, 1), nothing) as extract:
        assert sorted(path.name for path in extract.folder.iterdir() if path.is_file()) == ["invoices.parquet"]
    assert not extract.folder.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('{folder}/../secret')",
        "SELECT * FROM read_text('{folder}/link')",
        "SELECT * FROM 'https://example.com/x.csv'",
        "COPY (SELECT 1) TO '{folder}/../out.csv'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET memory_limit = '100GB'",
        "INSTALL httpfs",
        "ATTACH '/tmp/x.db'",
    ],
)
def test_the_database_reaches_nothing_outside_its_folder(tmp_path: Path, statement: str) -> None:
    import duckdb

    (tmp_path / "secret").write_text("x")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "link").symlink_to(tmp_path / "secret")
    with connect(tmp_path / "work") as database, pytest.raises(duckdb.Error):
        database.execute(statement.format(folder=tmp_path / "work"))
