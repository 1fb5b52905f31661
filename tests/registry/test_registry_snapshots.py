"""Snapshots in a real registry: what is sent, what a kill leaves, what is believed."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from random import Random

import pytest

from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.domain.errors import NeedsPerson, RetryLater, VerificationFailed
from reconciler.domain.jobs import SnapshotManifest
from reconciler.domain.oci_snapshots import digest_of_tag, tag_of
from tests.support.components import needs
from tests.support.described import described
from tests.support.registry import copy
from tests.support.registry_bench import Bench, changed_terms, flip, own_rows
from tests.support.registry_proxy import Fault, status
from tests.support.registry_reading import layers_of, lists, packed, point, read_again, refused, send, tag

pytestmark = pytest.mark.real


# --- what is there afterwards ---------------------------------------------------------------------------------------


def test_a_snapshot_is_an_index_of_manifests_that_any_client_reads_and_copies(bench: Bench) -> None:
    needs("skopeo")
    kept = bench.keep(bench.machine())
    host = f"127.0.0.1:{bench.proxy.upstream}"
    argv = ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{host}/{bench.name}:{tag_of(kept.digest)}"]
    document = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    assert document["artifactType"] == "application/vnd.reconciler.snapshot.v1"
    year = lists(bench, kept.digest)[document["manifests"][0]["digest"]]
    assert {layer["mediaType"] for layer in year["layers"]} == {"application/vnd.apache.parquet"}
    assert [layer["annotations"]["org.opencontainers.image.title"] for layer in year["layers"]] == [
        f"invoices/2024-0{month}.parquet" for month in range(1, 6)
    ]
    whole = f"{bench.name}:{tag_of(kept.digest)}"
    copy(f"docker://{host}/{whole}", f"docker://{host}/copied/{whole}", "--all")
    assert bench.machine(f"oci://{bench.proxy.host}/copied/{bench.name}").folder(kept.digest).is_dir()


def ledger(each: int) -> list[str]:
    """100 months of so many invoices each, as a ledger has them."""
    random, rows = Random(each), []  # noqa: S311
    for number in range(100):
        month = f"{2015 + number // 12}-{number % 12 + 1:02}"
        for invoice in range(each):
            day, amount = random.randint(1, 28), random.randint(100, 999_999) / 100
            paid = f"{month}-{random.randint(day, 28):02}"
            customer = f"C{random.randint(1, 500):05}"
            rows.append(f"F{each}-{number:03}{invoice:05},{customer},{month}-{day:02},{month}-28,{paid},{amount}")
    return rows


def test_a_second_refresh_of_one_changed_month_in_a_hundred_sends_a_twentieth_of_the_bytes(bench: Bench) -> None:
    rows = ledger(100)
    first = bench.keep(bench.machine(), rows)
    assert len(first.tables["invoices"].parts) == 100
    whole = bench.proxy.sent
    bench.proxy.seen.clear()
    again = bench.machine()  # a runner that forgot its disk, and looks at the copy before as a refresh does
    assert changed_terms(bench.folder, again, rows[:10], first.digest) == (0, 0)
    second = bench.keep(again, [rows[0] + "9", *rows[1:]])
    assert second.digest != first.digest
    assert bench.proxy.sent <= whole * 0.05, (bench.proxy.sent, whole)
    assert len(bench.proxy.asked("PUT", "blobs")) == 1  # the month
    assert len(bench.proxy.asked("PUT", "manifests")) == 2  # its year, and the index


def test_files_that_another_release_of_the_writer_made_are_not_sent_again(bench: Bench) -> None:
    kept = written_otherwise(bench)
    bench.proxy.seen.clear()
    again = bench.machine()
    assert changed_terms(bench.folder, again, bench.rows, kept.digest) == (0, 0)
    bench.keep(again, [*bench.rows, bench.rows[0].replace("-1,", "-9,", 1)])
    assert len(bench.proxy.asked("PUT", "blobs")) == 2  # the month, and what a manifest has as its config


def written_otherwise(bench: Bench) -> SnapshotManifest:
    """Put a snapshot into the repository whose files have other bytes than are written here."""
    import duckdb

    local = FolderSnapshots(bench.folder / "otherwise")
    kept = bench.keep(local)
    folder = local.folder(kept.digest)
    config = described(folder)
    registry, layers = bench.machine().registry, []
    for part in config["tables"]["invoices"]["parts"]:
        other = bench.folder / "other.parquet"
        with duckdb.connect() as database:
            database.execute(f"COPY (FROM '{folder / part['file']}') TO '{other}' (FORMAT parquet, COMPRESSION snappy)")
        layers.append(send(registry, other.read_bytes(), part["file"]))
        part["file_digest"] = layers[-1].digest
    tag(registry, kept.digest, send(registry, json.dumps(config).encode()), layers)
    return kept


def test_a_snapshot_that_is_there_is_left_alone_whoever_wrote_its_files(bench: Bench) -> None:
    kept = written_otherwise(bench)
    before = packed(bench, kept.digest)
    bench.proxy.seen.clear()
    assert bench.keep(bench.machine()).digest == kept.digest
    assert bench.proxy.sent == 0
    assert packed(bench, kept.digest) == before
    assert read_again(bench, kept.digest).is_dir()


def test_a_snapshot_of_before_is_read_verified_and_removed(bench: Bench) -> None:
    kept = written_otherwise(bench)
    machine = bench.machine()
    assert machine.folder(kept.digest).is_dir()
    machine.check(kept.digest)
    later = bench.keep(bench.machine(), bench.rows[:3])
    assert machine.compare(kept.digest, later.digest) if machine.folder(later.digest) else False
    assert bench.machine().sizes([kept.digest])[kept.digest] > 0
    machine.remove([kept.digest])
    assert "there is no snapshot-" in refused(bench, kept.digest).message
    assert read_again(bench, later.digest).is_dir()


# --- a kill, a cut, a registry that is busy or away -----------------------------------------------------------------


def test_killed_at_any_write_the_old_snapshot_stays_and_a_rerun_completes(bench: Bench) -> None:
    old = bench.keep(bench.machine(), bench.rows[:3])
    before = bench.proxy.writes
    more = [*bench.rows, own_rows()[0]]
    for at in range(40):
        bench.proxy.dead = before + at
        try:
            kept = bench.keep(bench.machine(), more)
        except RetryLater as error:
            assert "nothing is half done" in error.next_step
            bench.proxy.dead = None
            before = bench.proxy.writes
            assert tag_of(old.digest) in (tags := list(bench.machine().registry.tags()))
            assert len(list(filter(digest_of_tag, tags))) == 1
            if at % 4 == 0:
                assert read_again(bench, old.digest).is_dir()
        else:
            break
    bench.proxy.dead = None
    assert at >= 3
    assert read_again(bench, kept.digest).is_dir()
    assert read_again(bench, old.digest).is_dir()


def test_the_index_is_put_last_and_the_manifests_of_files_after_these(bench: Bench) -> None:
    kept = bench.keep(bench.machine())
    writes = [one.path.split("/")[-2:] for one in bench.proxy.seen if one.is_write]
    assert [place for place, _ in writes[-2:]] == ["manifests", "manifests"]
    assert sum(place == "manifests" for place, _ in writes) == 2
    assert writes[-1][1] == tag_of(kept.digest)


def test_what_passes_by_itself_is_waited_for(bench: Bench) -> None:
    bench.proxy.faults = [
        status("HEAD", "blobs", 503, retry_after="7"),
        Fault("PUT", "blobs/uploads", cut_request=True),
        status("PUT", "blobs/uploads", 404),  # a registry that was started anew has forgotten its uploads
        status("PUT", "manifests", 429),
    ]
    kept = bench.keep(bench.machine())
    assert not bench.proxy.faults
    assert bench.clock.slept == [7.0, 1.0, 2.0, 1.0]
    bench.proxy.faults = [Fault("GET", "blobs", cut_answer=10), Fault("GET", "blobs", cut_answer=0)]
    assert read_again(bench, kept.digest).is_dir()


def test_a_registry_that_is_away_is_for_later_and_named(bench: Bench) -> None:
    kept = bench.keep(bench.machine())
    bench.proxy.dead = 0
    for ask in (
        lambda: bench.machine().folder(kept.digest),
        lambda: bench.keep(bench.machine()),
        bench.machine().reach,
    ):
        with pytest.raises(RetryLater, match=bench.place) as caught:
            ask()
        assert "doctor" in caught.value.next_step
    assert bench.clock.slept == [1.0, 2.0, 4.0] * 2  # `reach` asks once


@pytest.mark.parametrize(("code", "kind"), [(500, RetryLater), (507, RetryLater), (413, NeedsPerson), (400, Exception)])
def test_a_registry_that_refuses_is_told_by_its_status_and_not_by_its_words(
    bench: Bench, code: int, kind: type[Exception]
) -> None:
    bench.proxy.faults = [status("PUT", "blobs/uploads", code)]
    with pytest.raises(kind, match=r"status|size|other bytes") as caught:
        bench.keep(bench.machine())
    assert "SECRET-OF-THE-BODY" not in str(caught.value)


# --- what is believed -----------------------------------------------------------------------------------------------


def test_a_snapshot_whose_manifest_is_gone_is_refused_also_where_its_files_are_here(bench: Bench) -> None:
    store = bench.machine()
    kept = bench.keep(store)
    store.folder(kept.digest)
    digest, _ = packed(bench, kept.digest)
    store.registry.delete_manifest(digest)
    later = replace(store, _known={})
    with pytest.raises(VerificationFailed, match=f"snapshot {kept.digest} in {bench.place}: there is no snapshot-"):
        later.folder(kept.digest)


@pytest.mark.parametrize("what", ["index", "manifest"])
def test_an_altered_description_is_refused_and_a_refresh_does_not_pass_over_it(bench: Bench, what: str) -> None:
    kept = bench.keep(bench.machine())
    digest, document = packed(bench, kept.digest)
    flip(bench.blob(digest if what == "index" else document["manifests"][0]["digest"]))
    assert "was altered" in refused(bench, kept.digest).message
    with pytest.raises(VerificationFailed, match=kept.digest):
        bench.keep(bench.machine())


def test_a_tag_that_leads_to_another_snapshot_is_refused_and_mended_by_keeping_it_again(bench: Bench) -> None:
    kept, other = bench.keep(bench.machine()), bench.keep(bench.machine(), bench.rows[:3])
    registry = bench.machine().registry
    _, content = registry.manifest(tag_of(other.digest)) or ("", b"")
    registry.put_manifest(tag_of(kept.digest), content)
    assert "is not of this digest" in refused(bench, kept.digest).message
    assert bench.keep(bench.machine()).digest == kept.digest
    assert read_again(bench, kept.digest).is_dir()


def test_files_that_hold_other_rows_are_refused_although_every_hash_agrees(bench: Bench) -> None:
    kept = bench.keep(bench.machine())
    other = bench.keep(bench.machine(), [bench.rows[0].replace(",1.5", ",9.5"), *bench.rows[1:]])
    lie = next(layer for layer in layers_of(bench, other.digest) if "2024-01" in str(layer["annotations"]))
    machine = bench.machine()
    year = next(iter(lists(bench, kept.digest).values()))
    year["layers"][0] |= {"digest": lie["digest"], "size": lie["size"]}
    point(machine.registry, kept.digest, year)
    assert "do not hold the rows of its digest" in refused(bench, kept.digest).message
    victim = bench.machine()  # what it refused to read does not get into the honest copy that it keeps next
    with pytest.raises(VerificationFailed):
        victim.folder(kept.digest)
    honest = bench.keep(victim, [*bench.rows, own_rows()[4]])
    assert read_again(bench, honest.digest).is_dir()


def test_what_is_no_snapshot_is_refused(bench: Bench) -> None:
    machine = bench.machine()
    kept = bench.keep(machine)
    _, index = packed(bench, kept.digest)
    year = next(iter(lists(bench, kept.digest).values()))
    layer = year["layers"][0]
    title, rows = "org.opencontainers.image.title", "vnd.reconciler.rows"
    given = layer["annotations"]
    for lie in (
        {"artifactType": "application/vnd.reconciler.snapshot.v1"},
        {"layers": [{**layer, "annotations": given | {title: "../../../escaped.parquet"}}]},
        {"layers": [{**layer, "annotations": given | {title: "/invoices/x.parquet"}}]},
        {"layers": [{**layer, "annotations": given | {title: "elsewhere/2024-01.parquet"}}]},
        {"layers": [{**layer, "annotations": given | {rows: "many"}}]},
        {"layers": [{**layer, "annotations": {}}]},
        {"layers": [layer, layer]},
        {"layers": [layer]},
    ):
        point(machine.registry, kept.digest, year | lie)
        assert bench.place in refused(bench, kept.digest).message, lie
    for other in (
        {"artifactType": "application/vnd.cncf.model.manifest.v1+json"},
        {"annotations": {}},
        {"annotations": {"vnd.reconciler.snapshot": "[" * 10_000}},
        {"annotations": {"vnd.reconciler.snapshot": '{"tables": {"invoices": {}}}'}},
        {"manifests": []},
        {"manifests": index["manifests"] * 2},
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "manifests": None, "config": layer, "layers": []},
    ):
        machine.registry.put_manifest(tag_of(kept.digest), json.dumps(index | other).encode())
        assert bench.place in refused(bench, kept.digest).message, other


def test_more_bytes_than_were_named_are_not_taken(bench: Bench) -> None:
    kept = bench.keep(bench.machine())
    bench.proxy.faults = [Fault("GET", "blobs", lambda answer: (answer[0], answer[1], answer[2] + b" " * 1000))]
    assert "was altered" in refused(bench, kept.digest).message
