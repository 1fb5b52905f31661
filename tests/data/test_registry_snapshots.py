"""Snapshots in a real OCI registry: what a folder of snapshots promises, and what is the registry's own."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reconciler.adapters.snapshots import FolderSnapshots, RegistrySnapshots
from reconciler.domain.errors import AuthorMustFix, NeedsPerson, RetryLater, VerificationFailed
from reconciler.domain.jobs import SnapshotManifest
from reconciler.ports import SnapshotStore
from reconciler.tools.distribution import Repository, Runner
from tests.support.csv_files import PLAIN, data_of, made_invoices, nothing, plain_csv, source_in
from tests.support.registry import free_port, registry

ROWS = (
    "A1,K1,2024-01-05,2024-02-04,2024-02-01,10.50",
    "A2,K1,2024-01-06,2024-02-05,,3",
    "A3,K2,2024-02-06,2024-03-07,2024-04-20,7.25",
)
MANY = [
    f"{i.invoice},{i.customer},{i.invoice_date},{i.due_date},{i.settled_date or ''},{i.amount}"
    for i in made_invoices(3000, days=1400)
]
NEVER = "sha256:" + "7" * 64


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("registry")
    with registry(folder) as found:
        yield found, folder / "data"


@pytest.fixture
def open_store(host: tuple[str, Path], tmp_path: Path) -> Callable[..., RegistrySnapshots]:
    """A store in a repository of the test's own; `here` names a runner: two runners share nothing but the registry."""
    name = f"test{abs(hash(tmp_path))}/snapshots"

    def opened(here: str = "one", *, allowed: bool = True) -> RegistrySnapshots:
        def allow(asked: str, port: int) -> None:
            if not allowed:
                raise AuthorMustFix(f"{asked}:{port} may not be asked", next_step="allow it")

        runner = Runner(allow, no_secret)
        return RegistrySnapshots(Repository(f"oci://{host[0]}/{name}", runner), FolderSnapshots(tmp_path / here))

    return opened


def no_secret(name: str) -> str:
    raise NeedsPerson(f"the credentials {name} are not set", next_step="set them")


def keep(store: SnapshotStore, folder: Path, *rows: str, as_of: date | None = None) -> SnapshotManifest:
    folder.mkdir(exist_ok=True)
    (folder / "i.csv").write_text(plain_csv(*rows))
    with source_in(folder).extract(data_of("i.csv", PLAIN), as_of, nothing) as extract:
        return store.keep(extract)


# --- what every store of snapshots does ------------------------------------------------------------------------


@pytest.fixture(params=["folder", pytest.param("registry", marks=pytest.mark.real)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SnapshotStore:
    if request.param == "folder":
        return FolderSnapshots(tmp_path / "store")
    opened: Callable[..., RegistrySnapshots] = request.getfixturevalue("open_store")
    return opened()


def test_what_was_kept_is_served_with_all_of_its_files(store: SnapshotStore, tmp_path: Path) -> None:
    manifest = keep(store, tmp_path / "data", *ROWS)
    place = store.folder(manifest.digest)
    named = {part.file for table in manifest.tables.values() for part in table.parts} | {"snapshot.json"}
    assert {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()} == named
    assert store.manifest(manifest.digest) == manifest
    assert keep(store, tmp_path / "data", *reversed(ROWS)) == manifest


def test_what_was_never_kept_is_named_by_its_digest(store: SnapshotStore) -> None:
    for ask in (store.folder, store.manifest, store.profile, store.newest):
        with pytest.raises(VerificationFailed, match=NEVER):
            ask(NEVER)
    assert store.sizes([NEVER]) == {}
    store.remove([NEVER])


def test_rows_are_profiled_and_compared(store: SnapshotStore, tmp_path: Path) -> None:
    then = keep(store, tmp_path / "data", *ROWS).digest
    now = keep(store, tmp_path / "data", *ROWS[:2], ROWS[2].replace("7.25", "8")).digest
    tables: dict[str, dict[str, int]] = store.compare(now, then)["tables"]  # type: ignore[assignment]
    assert (tables["invoices"]["changed"], tables["invoices"]["rows"]) == (1, 3)
    assert store.newest(now) == date(2024, 4, 20)
    assert "tables" in store.profile(now)


def test_changed_terms_are_counted_against_an_earlier_one(store: SnapshotStore, tmp_path: Path) -> None:
    earlier = keep(store, tmp_path / "data", *ROWS).digest
    (tmp_path / "data/i.csv").write_text(plain_csv(ROWS[0], ROWS[1].replace("02-05", "02-28"), ROWS[2]))
    with source_in(tmp_path / "data").extract(data_of("i.csv", PLAIN), None, nothing) as extract:
        assert store.changed_terms(extract, earlier) == (1, 3)


def test_what_is_removed_is_gone_and_the_other_is_whole(store: SnapshotStore, tmp_path: Path) -> None:
    gone = keep(store, tmp_path / "data", *ROWS).digest
    stays = keep(store, tmp_path / "data", *ROWS[:2]).digest
    assert store.sizes([gone])[gone] > 0
    store.remove([gone])
    with pytest.raises(VerificationFailed, match=gone):
        store.folder(gone)
    assert store.folder(stays).is_dir()


# --- the registry's own ----------------------------------------------------------------------------------------

Opened = Callable[..., RegistrySnapshots]


@pytest.mark.real
def test_another_runner_gets_the_same_bytes(open_store: Opened, tmp_path: Path) -> None:
    manifest = keep(open_store(), tmp_path / "data", *MANY)
    here, there = open_store().folder(manifest.digest), open_store("two").folder(manifest.digest)
    assert here != there
    for path in here.rglob("*.parquet"):
        assert (there / path.relative_to(here)).read_bytes() == path.read_bytes()


@pytest.mark.real
def test_a_second_refresh_brings_only_the_months_that_changed(
    open_store: Opened, host: tuple[str, Path], tmp_path: Path
) -> None:
    store = open_store()
    keep(store, tmp_path / "data", *MANY)
    before = bytes_of(host[1])
    keep(store, tmp_path / "data", *MANY[:-1], MANY[-1].rsplit(",", 1)[0] + ",1")
    parts = [found for found in (bytes_of(host[1]).items() - before.items()) if found[1] > 500]
    assert len(parts) <= 3, "one month, a list of the files, and the registry's own manifest"
    assert sum(size for _, size in parts) < 0.05 * sum(before.values()) + 40_000


def bytes_of(data: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in data.rglob("data") if path.is_file()}


@pytest.mark.real
def test_an_altered_blob_is_exit_5_with_the_snapshots_digest(
    open_store: Opened, host: tuple[str, Path], tmp_path: Path
) -> None:
    manifest = keep(open_store(), tmp_path / "data", *ROWS[:1])
    figures = manifest.tables["invoices"].parts[0].file_digest.removeprefix("sha256:")
    blob = host[1] / f"docker/registry/v2/blobs/sha256/{figures[:2]}/{figures}/data"
    sound = blob.read_bytes()
    blob.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    with pytest.raises(VerificationFailed, match=manifest.digest) as told:
        open_store("two").folder(manifest.digest)
    assert told.value.exit_code == 5 and not open_store("two").folder_here.place(manifest.digest).exists()
    blob.write_bytes(sound)
    assert open_store("two").folder(manifest.digest).is_dir()


@pytest.mark.real
def test_a_snapshot_that_the_registry_has_not_is_gone_whatever_is_here(open_store: Opened, tmp_path: Path) -> None:
    manifest = keep(open_store(), tmp_path / "data", *ROWS)
    open_store("two").remove([manifest.digest])
    with pytest.raises(VerificationFailed, match=f"{manifest.digest}.*is not there"):
        open_store().folder(manifest.digest)
    assert keep(open_store(), tmp_path / "data", *ROWS) == manifest, "the same data again mends it"
    assert open_store().folder(manifest.digest).is_dir()


@pytest.mark.real
@pytest.mark.parametrize("what", ["snapshot.json", "invoices/2024-01.parquet"])
def test_what_is_damaged_here_comes_from_the_registry_again(open_store: Opened, tmp_path: Path, what: str) -> None:
    manifest = keep(open_store(), tmp_path / "data", *ROWS)
    file = open_store().folder(manifest.digest) / what
    sound = file.read_bytes()
    file.write_bytes(sound[:-2] + b"xx")
    assert (open_store().folder(manifest.digest) / what).read_bytes() == sound
    file.write_bytes(sound[:-2] + b"xx")
    assert open_store().manifest(manifest.digest) == manifest


@pytest.mark.real
def test_blobs_without_their_manifest_are_no_snapshot(open_store: Opened, tmp_path: Path) -> None:
    """What a refresh that was killed half-way leaves, and the next one completes."""
    local = FolderSnapshots(tmp_path / "local")
    manifest = keep(local, tmp_path / "data", *ROWS)
    part = manifest.tables["invoices"].parts[0]
    store = open_store()
    store.repository.push_blob(part.file_digest, local.folder(manifest.digest) / part.file)
    with pytest.raises(VerificationFailed, match="is not there"):
        store.folder(manifest.digest)
    assert keep(store, tmp_path / "data", *ROWS) == manifest
    assert open_store("two").folder(manifest.digest).is_dir()


@pytest.mark.real
@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[" * 100_000, b'{"schemaVersion": 2, "artifactType": "x", "layers": []}'],
    ids=["empty", "no manifest", "nested", "another artifact"],
)
def test_a_tag_that_names_something_else_is_exit_5(open_store: Opened, content: bytes) -> None:
    class Other(Repository):
        def manifest(self, reference: str) -> bytes | None:
            return content

    store = open_store()
    other = RegistrySnapshots(Other(store.repository.address, store.repository.runner), store.folder_here)
    with pytest.raises(VerificationFailed, match=NEVER):
        other.folder(NEVER)


@pytest.mark.real
def test_a_host_that_the_runner_does_not_allow_is_not_asked(open_store: Opened) -> None:
    with pytest.raises(AuthorMustFix, match="may not be asked"):
        open_store(allowed=False).folder(NEVER)


def test_a_registry_that_is_down_is_for_later(tmp_path: Path) -> None:
    store = at(f"127.0.0.1:{free_port()}", tmp_path)
    with pytest.raises(RetryLater, match="cannot be reached"):
        keep(store, tmp_path / "data", *ROWS)


@pytest.mark.parametrize("host", ["registry.example", "10.0.0.1:5000"])
def test_nothing_is_asked_in_the_open(tmp_path: Path, host: str) -> None:
    repository = at(host, tmp_path).repository
    assert repository._root.scheme == "https"


# --- who asks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_credentials_are_said_when_the_registry_asks_and_to_nobody_else(tmp_path: Path, kind: str) -> None:
    with asking(kind) as (host, heard):
        store = at(
            host,
            tmp_path,
            secret=lambda name: "user:pass:word" if name == host.replace(":", "-").replace(".", "-") else "",
        )
        with pytest.raises(VerificationFailed, match="is not there"):
            store.folder(NEVER)
    basic = "Basic " + base64.b64encode(b"user:pass:word").decode()
    last = "Bearer a-token" if kind == "bearer" else basic
    assert heard[0] == ("/v2/x/manifests/sha256-" + "7" * 64, None)
    assert heard[-1][1] == last
    assert [said for path, said in heard if path.startswith("/token")] == ([basic] if kind == "bearer" else [])


def test_credentials_that_are_not_set_are_named(tmp_path: Path) -> None:
    with asking("basic") as (host, _), pytest.raises(NeedsPerson, match=r"127-0-0-1-\d+ are not set"):
        at(host, tmp_path).folder(NEVER)


def test_credentials_that_are_refused_show_nothing_of_themselves(tmp_path: Path) -> None:
    with asking("basic") as (host, _), pytest.raises(NeedsPerson, match="refuses these credentials") as told:
        at(host, tmp_path, secret=lambda _: "user:wrong-one").folder(NEVER)
    assert "wrong-one" not in f"{told.value} {told.value.next_step}"


@pytest.mark.parametrize("kind", ["elsewhere", "token elsewhere"])
def test_another_host_is_asked_only_where_the_runner_allows_it(tmp_path: Path, kind: str) -> None:
    def allow(host: str, port: int) -> None:
        if host != "127.0.0.1":
            raise AuthorMustFix(f"{host}:{port} may not be asked", next_step="allow it")

    with asking(kind) as (host, _), pytest.raises(AuthorMustFix, match=r"elsewhere\.example:443 may not be asked"):
        at(host, tmp_path, secret=lambda _: "user:password", allow=allow).folder(NEVER)


def at(
    host: str,
    folder: Path,
    *,
    secret: Callable[[str], str] = no_secret,
    allow: Callable[[str, int], None] = lambda _host, _port: None,
) -> RegistrySnapshots:
    return RegistrySnapshots(Repository(f"oci://{host}/x", Runner(allow, secret)), FolderSnapshots(folder / "here"))


@contextmanager
def asking(kind: str) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A registry without anything, which asks who is there; what it heard: (path, Authorization)."""
    heard: list[tuple[str, str | None]] = []
    good = "Basic " + base64.b64encode(b"user:pass:word").decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = self.headers.get("Authorization")
            heard.append((self.path, said))
            here = f"http://{self.headers['Host']}"
            if self.path.startswith("/token"):
                self.answer(200, {}, json.dumps({"token": "a-token"}))
            elif kind == "elsewhere":
                self.answer(307, {"Location": "https://elsewhere.example/x"})
            elif said in (good, "Bearer a-token"):
                self.answer(404, {})
            elif kind == "basic":
                self.answer(401, {"WWW-Authenticate": 'Basic realm="here"'})
            else:
                realm = "https://elsewhere.example/token" if kind == "token elsewhere" else f"{here}/token"
                self.answer(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="s",scope="repository:x:pull"'})

        def answer(self, status: int, headers: dict[str, str], body: str = "") -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
