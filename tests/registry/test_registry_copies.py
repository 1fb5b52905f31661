"""Snapshots in a real registry: the copy of them on this machine, and what may go."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.adapters.snapshots import FolderSnapshots
from reconciler.domain.errors import DiskRefused, NeedsPerson, VerificationFailed
from reconciler.domain.oci_snapshots import files_of_tag, files_tag, tag_of
from tests.support.components import needs, tmpfs
from tests.support.registry import clear_away, registry
from tests.support.registry_bench import Bench, flip, own_rows
from tests.support.registry_proxy import Answer, Fault, proxy
from tests.support.registry_reading import layers_of, lists, packed, point, read_again, refused, send

pytestmark = pytest.mark.real


# --- the copy on this machine ---------------------------------------------------------------------------------------


def test_files_that_are_here_are_not_fetched_again(bench: Bench) -> None:
    kept = bench.keep(bench.machine(), bench.rows[:4])
    more = bench.keep(bench.machine())
    machine = bench.machine()
    machine.folder(kept.digest)
    bench.proxy.seen.clear()
    machine.folder(more.digest)
    machine.folder(more.digest)
    assert len(bench.proxy.asked("GET", "blobs")) == 1  # one month more


def test_a_damaged_file_here_is_fetched_again_without_a_word(bench: Bench) -> None:
    kept = bench.keep(bench.machine())
    machine = bench.machine()
    for damage in (lambda path: path.write_bytes(b"PAR1 no"), lambda path: path.unlink()):
        damage(machine.folder(kept.digest) / "invoices/2024-02.parquet")
        assert machine.folder(kept.digest).is_dir()
    flip(next(machine.folder(kept.digest).glob("snapshot.json*")))
    assert machine.folder(kept.digest).is_dir()


def test_verifying_reads_from_the_registry_what_is_here_and_every_file_once(bench: Bench) -> None:
    first, second = bench.keep(bench.machine(), bench.rows[:4]), bench.keep(bench.machine())
    machine = bench.machine()
    for kept in (first, second):
        machine.folder(kept.digest)
    machine = replace(machine, _read=set(), _known={})
    bench.proxy.seen.clear()
    for kept in (first, second):
        machine.check(kept.digest)
    assert len(bench.proxy.asked("GET", "blobs")) == 5
    part = first.tables["invoices"].parts[0]
    flip(bench.blob(part.file_digest))
    with pytest.raises(VerificationFailed, match=part.file):
        replace(machine, _read=set(), _known={}).check(first.digest)


def test_what_a_killed_fetch_left_is_taken_away_by_the_next(bench: Bench) -> None:
    kept = bench.keep(bench.machine())
    machine = bench.machine()
    left = machine.copy.place / "incoming" / "half"
    left.mkdir(parents=True)
    machine.folder(kept.digest)
    assert not left.exists()
    assert sorted(path.name for path in machine.copy.place.iterdir()) == ["lock", "store"]


def test_a_disk_without_room_is_for_later(bench: Bench) -> None:
    kept = bench.keep(bench.machine())
    disk = tmpfs(bench.folder / f"machine-{bench.machines + 1}", "size=16k")
    with disk, pytest.raises(DiskRefused, match="machine-"):
        read_again(bench, kept.digest)


def test_much_is_told_while_it_is_sent_and_fetched(bench: Bench) -> None:
    """Sixteen MiB of one customer's name."""
    machine = bench.machine()
    content = b"x" * (17 << 20)
    kept = bench.keep(machine)
    big = send(machine.registry, content)
    year = next(iter(lists(bench, kept.digest).values()))
    year["layers"][0] |= {"digest": big.digest, "size": big.size}
    point(machine.registry, kept.digest, year)
    refused(bench, kept.digest)
    label, done, total = bench.told[-1]
    assert label == "fetching the snapshot (bytes)" and done == total > len(content)
    assert len(bench.told) > 10


# --- what may go ----------------------------------------------------------------------------------------------------


def test_a_registry_that_deletes_nothing_is_told_and_so_is_its_setting(tmp_path: Path) -> None:
    needs("docker-registry")
    with registry(tmp_path / "registry", deletes=False) as host, proxy(int(host.rpartition(":")[2])) as before:
        bench = Bench(tmp_path, tmp_path / "registry", before, "team/snapshots")
        kept = bench.keep(bench.machine())
        with pytest.raises(NeedsPerson, match="does not allow deleting") as caught:
            bench.machine().remove([kept.digest])
        assert "storage.delete.enabled" in caught.value.next_step
        assert read_again(bench, kept.digest).is_dir()


def test_what_others_share_is_not_counted_as_freed(bench: Bench) -> None:
    bench.keep(bench.machine(), bench.rows[:4])
    more = bench.keep(bench.machine())
    _, document = packed(bench, more.digest)
    own = document["manifests"][0]["size"] + layers_of(bench, more.digest)[4]["size"]
    assert bench.machine().sizes([more.digest]) == {more.digest: own}


def test_a_removal_takes_the_lists_of_files_that_no_snapshot_names_and_leaves_the_others(bench: Bench) -> None:
    older = [row.replace(",2024-", ",2023-") for row in own_rows()]
    first = bench.keep(bench.machine(), [*bench.rows, *older])
    second = bench.keep(bench.machine(), [*bench.rows, *older[:3]])
    shared, gone = set(lists(bench, first.digest)) & set(lists(bench, second.digest)), lists(bench, first.digest)
    assert len(shared) == 1 and len(gone) == 2
    bench.machine().remove([first.digest])
    held = {files_of_tag(tag) for tag in bench.machine().registry.tags()} - {None}
    assert held == set(lists(bench, second.digest))
    assert read_again(bench, second.digest).is_dir()
    bench.machine().remove([second.digest])
    assert list(bench.machine().registry.tags()) == []


def test_a_list_of_files_that_is_gone_is_named_and_sent_again_by_the_next_refresh(bench: Bench) -> None:
    kept = bench.keep(bench.machine())
    lost = next(iter(lists(bench, kept.digest)))
    bench.machine().registry.delete_manifest(lost)
    assert files_tag(lost) in refused(bench, kept.digest).message
    assert bench.keep(bench.machine()).digest == kept.digest
    assert read_again(bench, kept.digest).is_dir()


def test_a_keeper_who_clears_away_all_untagged_manifests_takes_nothing_of_a_snapshot(tmp_path: Path) -> None:
    needs("docker-registry")
    with registry(tmp_path / "registry") as host, proxy(int(host.rpartition(":")[2])) as before:
        bench = Bench(tmp_path, tmp_path / "registry", before, "team/snapshots")
        kept = bench.keep(bench.machine())
        clear_away(tmp_path / "registry")
        assert read_again(bench, kept.digest).is_dir()


def test_a_removal_follows_in_the_copies_of_other_machines(bench: Bench) -> None:
    first, second = bench.keep(bench.machine(), bench.rows[:4]), bench.keep(bench.machine())
    elsewhere = bench.machine()
    for kept in (first, second):
        elsewhere.folder(kept.digest)
    bench.machine().remove([first.digest])
    elsewhere.remove([])
    assert elsewhere.copy.digests() == [second.digest]


def test_tags_come_in_pages_and_have_an_end(bench: Bench) -> None:
    """The proxy makes the pages: docker-registry gives all tags at once."""
    machine = bench.machine()
    kept = bench.keep(machine)
    _, content = machine.registry.manifest(tag_of(kept.digest)) or ("", b"")
    document = json.loads(content)
    for number in range(4):
        machine.registry.put_manifest(f"v{number}", content)

    def page(first: int, link: str | None) -> Fault:
        def change(answer: Answer) -> Answer:
            tags = json.loads(answer[2])
            tags["tags"] = tags["tags"][first : first + 2]
            return (
                answer[0],
                {**answer[1], **({"Link": f'<{link}>; rel="next"'} if link else {})},
                json.dumps(tags).encode(),
            )

        return Fault("GET", "tags", change)

    listing = f"/v2/{bench.name}/tags/list?n=2"
    pages = [page(0, f"{listing}&last=a"), page(2, f"{listing}&last=b"), page(4, None)]
    bench.proxy.faults = list(pages)
    tags = [files_tag(document["manifests"][0]["digest"]), tag_of(kept.digest), "v0", "v1", "v2", "v3"]
    assert sorted(machine.registry.tags()) == sorted(tags)
    bench.proxy.faults = list(pages)
    assert list(machine.sizes([kept.digest])) == [kept.digest]
    bench.proxy.faults = [page(0, f"{listing}&last=a"), page(2, f"{listing}&last=a")]
    with pytest.raises(NeedsPerson, match="have no end"):
        list(machine.registry.tags())
    bench.proxy.faults = [page(0, f"http://127.0.0.1:{bench.proxy.upstream}{listing}")]
    with pytest.raises(NeedsPerson, match="gave a next page to"):
        list(machine.registry.tags())


def test_nothing_is_asked_where_nothing_may_go(bench: Bench) -> None:
    assert bench.machine().sizes([]) == {}
    assert bench.proxy.seen == []


def test_a_folder_of_snapshots_moves_into_a_registry_by_a_refresh(bench: Bench, tmp_path: Path) -> None:
    assert bench.keep(FolderSnapshots(tmp_path / "folder")).digest == bench.keep(bench.machine()).digest
