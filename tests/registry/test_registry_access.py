"""Registries: which may be used, who asks, and where rows and credentials go."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.adapters.oci_registry import Runner, open_registry
from reconciler.adapters.oci_registry.logins import Login, logins_of
from reconciler.adapters.sources import Allowed, allowed_by
from reconciler.domain.errors import AuthorMustFix, NeedsPerson, ReconcilerError
from reconciler.domain.registry import read_place
from tests.support.components import needs
from tests.support.registry import registry
from tests.support.registry_bench import Bench
from tests.support.registry_proxy import Fault, Proxy, proxy, status
from tests.support.token_server import Tokens, token_server

USER, PASSWORD = "runner", "pw of the runner"
WHO = f"{USER}:{PASSWORD}"
#: The same password as htpasswd keeps it.
HTPASSWD = "runner:$2y$05$abcdefghijklmnopqrstuufMm8aFkU8BBa/ZH99kYhiNtS8fEGQXK"


def auth_of(host: str, who: str = WHO) -> dict[str, str]:
    """The runner's variables, with a login for a host."""
    text = json.dumps({"auths": {host: {"auth": base64.b64encode(who.encode()).decode()}}})
    return {"RECONCILER_REGISTRY_AUTH": text}


def refusal(bench: Bench) -> ReconcilerError:
    """What keeping is refused with; no secret is in it."""
    with pytest.raises(ReconcilerError) as caught:
        bench.keep(bench.machine())
    said = f"{caught.value.message} {caught.value.next_step} {caught.value!r}"
    assert PASSWORD not in said and base64.b64encode(WHO.encode()).decode() not in said
    return caught.value


# --- which may be used ----------------------------------------------------------------------------------------------


@pytest.mark.real
def test_rows_are_not_sent_to_a_place_that_the_runner_does_not_allow(bench: Bench) -> None:
    bench.allowed = ["//registry.example.com", str(bench.folder)]
    error = refusal(bench)
    assert isinstance(error, AuthorMustFix)
    assert f"dataAllow //{bench.proxy.host}/{bench.name}" in error.next_step
    assert bench.proxy.seen == []


@pytest.mark.parametrize(
    ("entries", "place", "allowed"),
    [
        (["//r.example"], "oci://r.example/a/b", True),
        (["//R.Example/"], "oci://r.example/a/b", True),
        (["//r.example:443"], "oci://r.example/a/b", True),
        (["//r.example:5000"], "oci://r.example/a/b", False),
        (["//r.example/a/b"], "oci://r.example/a/b", True),
        (["//r.example/a"], "oci://r.example/a/b", True),
        (["//r.example:443/a"], "oci://r.example/a/b", True),
        (["//r.example/a/b"], "oci://r.example/a/bb", False),
        (["//r.example/a/b"], "oci://r.example/a", False),
        (["//r.example/a"], "oci://evil.example/a", False),
        (["//r.example.evil.example"], "oci://r.example/a", False),
        ([], "oci://r.example/a", False),
    ],
)
def test_a_repository_is_allowed_by_its_host_or_by_itself_or_by_what_it_lies_below(
    tmp_path: Path, entries: list[str], place: str, allowed: bool
) -> None:
    found = Allowed.of(tmp_path, entries)
    runner = Runner({}, found.check_host, found.check_repository)
    if allowed:
        open_registry(read_place(place), runner)
    else:
        with pytest.raises(AuthorMustFix, match="does not allow it"):
            open_registry(read_place(place), runner)


def test_a_repository_that_is_allowed_lets_no_data_be_read_from_its_host(tmp_path: Path) -> None:
    with pytest.raises(AuthorMustFix):
        Allowed.of(tmp_path, ["//r.example/a"]).check_host("r.example", 443)


def test_a_port_and_a_repository_belong_to_the_host_before_them_also_where_colons_part_entries(tmp_path: Path) -> None:
    found = allowed_by(tmp_path, "/data://r.example:5000/team/a://db.example:5432://x.example", [])
    assert found.folders == (Path("/data"),)
    assert found.hosts == {"db.example:5432", "x.example"}
    assert found.repositories == {"r.example:5000/team/a"}


def test_a_registry_elsewhere_is_asked_by_https_and_one_on_loopback_by_http(tmp_path: Path) -> None:
    runner = Runner({}, lambda *_: None, lambda *_: None)
    roots = [str(open_registry(read_place(f"oci://{host}/a"), runner).wire.root) for host in (
        "r.example", "r.example:5000", "127.0.0.1:5000", "localhost", "127.0.0.1.evil.example")]  # fmt: skip
    assert roots == [
        "https://r.example/", "https://r.example:5000/", "http://127.0.0.1:5000/", "http://localhost/",
        "https://127.0.0.1.evil.example/",
    ]  # fmt: skip


# --- the runner's login ---------------------------------------------------------------------------------------------


def login(text: str, place: str = "oci://r.example:5000/team/snapshots") -> Login | None:
    return logins_of({"RECONCILER_REGISTRY_AUTH": text}, read_place(place))()


def test_the_most_exact_entry_for_a_repository_counts_and_those_of_other_hosts_never() -> None:
    auth = base64.b64encode(b"a:1").decode()
    entries = {
        "https://r.example:5000/v2/": {"auth": auth},
        "r.example:5000/team": {"username": "b", "password": "2:3"},
        "r.example": {"auth": base64.b64encode(b"c:4").decode()},
    }
    text = json.dumps({"auths": entries})
    assert login(text) == Login("b", "2:3")
    assert login(text, "oci://r.example:5000/teams/x") == Login("a", "1")
    assert login(text, "oci://r.example/team") == Login("c", "4")
    assert login(text, "oci://evil.example/team") is None
    assert login("{}") is None
    assert login('{"auths": {"r.example:5000": {}}, "credsStore": "desktop"}') is None
    assert "2:3" not in repr(login(text))


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        '{"auths": []}',
        '{"auths": {"r.example:5000": {"auth": "%%%"}}}',
        '{"auths": {"r.example:5000": {"auth": "bm8gY29sb24="}}}',
        '{"auths": {"r.example:5000": {"auth": "MDA6eA==", "identitytoken": "SECRET"}}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_login_is_told_without_its_text(text: str) -> None:
    with pytest.raises(NeedsPerson, match="RECONCILER_REGISTRY_AUTH") as caught:
        login(text)
    assert "SECRET" not in str(caught.value.message) + caught.value.next_step


def test_a_file_may_hold_the_login_and_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    place = read_place("oci://r.example/a")
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {"r.example": {"username": "a", "password": "b"}}}))
    assert logins_of({"RECONCILER_REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}, place)() == Login("a", "b")
    with pytest.raises(NeedsPerson, match="RECONCILER_REGISTRY_AUTH_FILE names cannot be read"):
        logins_of({"RECONCILER_REGISTRY_AUTH_FILE": str(tmp_path / "nothing")}, place)()
    assert logins_of({}, place)() is None


# --- user and password ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A registry that asks for user and password."""
    needs("docker-registry")
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "htpasswd").write_text(HTPASSWD + "\n")
    with registry(folder, more=f'auth: {{htpasswd: {{realm: "r", path: "{folder / "htpasswd"}"}}}}') as host:
        yield host, folder


@pytest.fixture
def basic(tmp_path: Path, guarded: tuple[str, Path]) -> Iterator[Bench]:
    with proxy(int(guarded[0].rpartition(":")[2])) as before:
        yield Bench(tmp_path, guarded[1], before, "team/snapshots")


@pytest.mark.real
def test_user_and_password_are_shown_once_they_are_asked_for(basic: Bench) -> None:
    basic.variables = auth_of(basic.proxy.host)
    kept = basic.keep(basic.machine())
    assert basic.machine().folder(kept.digest).is_dir()
    assert basic.proxy.seen[0].authorization is None
    assert basic.proxy.seen[1].authorization == "Basic " + base64.b64encode(WHO.encode()).decode()


@pytest.mark.real
def test_a_login_that_is_wrong_or_of_another_host_is_refused_by_name(basic: Bench) -> None:
    basic.variables = auth_of(basic.proxy.host, f"{USER}:wrong")
    assert "to the runner's login (status 401)" in refusal(basic).message
    basic.variables = auth_of("other.example")
    error = refusal(basic)
    assert "without a login" in error.message and "RECONCILER_REGISTRY_AUTH_FILE" in error.next_step
    assert basic.proxy.seen[-1].authorization is None


# --- tokens ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tokens, str, Path]]:
    """A registry that asks for a token of a token server."""
    needs("docker-registry", "openssl")
    folder = tmp_path_factory.mktemp("tokens")
    with token_server(folder / "keys", WHO) as found, registry(folder, more=found.config) as host:
        yield found, host, folder


@pytest.fixture
def bearer(tmp_path: Path, tokens: tuple[Tokens, str, Path]) -> Iterator[tuple[Bench, Tokens]]:
    found, host, folder = tokens
    found.asked, found.wrong, found.expires_in = [], False, 3600
    found.actions = ("pull", "push", "delete")
    with proxy(int(host.rpartition(":")[2])) as before:
        made = Bench(tmp_path, folder, before, "team/snapshots", variables=auth_of(before.host))
        made.allowed = [f"//{before.host}", f"//127.0.0.1:{found.port}"]
        yield made, found


@pytest.mark.real
def test_a_token_is_asked_for_what_is_done_and_shown_for_as_long_as_it_lives(bearer: tuple[Bench, Tokens]) -> None:
    bench, found = bearer
    machine = bench.machine()
    kept = bench.keep(machine)
    machine.folder(kept.digest)
    machine.remove([kept.digest])
    assert [scope for _, scope in found.asked] == [
        "repository:team/snapshots:pull",
        "repository:team/snapshots:pull,push",
        "repository:team/snapshots:pull,push,delete",
    ]
    assert PASSWORD not in json.dumps([one.headers for one in bench.proxy.seen])
    assert all((one.authorization or "Bearer").startswith("Bearer") for one in bench.proxy.seen)


@pytest.mark.real
def test_a_token_that_is_refused_is_renewed_once_and_one_that_ran_out_before(bearer: tuple[Bench, Tokens]) -> None:
    bench, found = bearer
    kept = bench.keep(bench.machine())
    machine = bench.machine()
    machine.manifest(kept.digest)
    asked = len(found.asked)
    bench.clock.sleep(4000)
    next(machine.registry.tags())
    assert len(found.asked) == asked + 1
    found.wrong = True
    with pytest.raises(NeedsPerson, match="refuses reading"):
        bench.machine().folder(kept.digest)


@pytest.mark.real
def test_a_login_that_may_only_read_reads_and_is_told_so_when_it_writes(bearer: tuple[Bench, Tokens]) -> None:
    bench, found = bearer
    kept = bench.keep(bench.machine())
    found.actions = ("pull",)
    assert bench.machine().folder(kept.digest).is_dir()
    bench.rows = bench.rows[:2]
    assert "refuses writing for" in refusal(bench).message
    with pytest.raises(NeedsPerson, match="refuses deleting"):
        bench.machine().remove([kept.digest])


@pytest.mark.real
def test_a_password_goes_to_no_token_server_that_the_runner_does_not_allow(bearer: tuple[Bench, Tokens]) -> None:
    bench, found = bearer
    bench.allowed = [f"//{bench.proxy.host}"]
    error = refusal(bench)
    assert isinstance(error, AuthorMustFix) and f"127.0.0.1:{found.port} may not be asked" in error.message
    assert found.asked == []


@pytest.mark.real
@pytest.mark.parametrize(
    "realm", ["http://tokens.example/", "ftp://tokens.example/", "https://user@tokens.example/", "", "//"]
)
def test_a_password_goes_to_no_place_that_others_can_listen_at(bearer: tuple[Bench, Tokens], realm: str) -> None:
    bench, found = bearer
    bench.allowed = [f"//{bench.proxy.host}", "//tokens.example"]
    challenge = {"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'}
    bench.proxy.faults = [Fault("GET", "manifests", lambda _: (401, challenge, b""))]
    assert "no https address" in refusal(bench).message
    assert found.asked == []


@pytest.mark.real
def test_a_wrong_password_gets_no_token(bearer: tuple[Bench, Tokens]) -> None:
    bench, _ = bearer
    bench.variables = auth_of(bench.proxy.host, f"{USER}:wrong")
    assert "gave no token" in refusal(bench).message


# --- where a registry leads -----------------------------------------------------------------------------------------


@pytest.fixture
def stranger(bench: Bench) -> Iterator[Proxy]:
    """Another host, which would take rows and give files if it were asked."""
    with proxy(bench.proxy.upstream) as found:
        yield found


def leads(method: str, pattern: str, location: str, code: int = 307) -> Fault:
    return Fault(method, pattern, lambda _: (code, {"Location": location}, b""))


@pytest.mark.real
def test_an_upload_that_leads_elsewhere_is_refused_and_no_row_is_sent_there(bench: Bench, stranger: Proxy) -> None:
    bench.allowed = ["//127.0.0.1"]
    bench.proxy.faults = [leads("POST", "uploads", f"http://{stranger.host}/v2/x/blobs/uploads/1", 202)]
    assert "gave an address to upload to" in refusal(bench).message
    bench.proxy.faults = [leads("PUT", "uploads", f"http://{stranger.host}/v2/x/blobs/uploads/1")]
    assert "redirects what is sent there" in refusal(bench).message
    assert stranger.seen == []


@pytest.mark.real
def test_a_file_may_come_from_another_host_that_is_allowed_which_is_shown_no_credentials(
    basic: Bench, bench: Bench, stranger: Proxy
) -> None:
    elsewhere = bench.keep(bench.machine())
    digest = elsewhere.tables["invoices"].parts[0].file_digest
    place = f"http://{stranger.host}/v2/{bench.name}/blobs/{digest}"
    basic.variables = auth_of(basic.proxy.host)
    basic.rows = bench.rows
    kept = basic.keep(basic.machine())
    basic.proxy.faults = [leads("GET", digest, place)]
    with pytest.raises(AuthorMustFix, match=f"{stranger.host} may not be asked"):
        basic.machine().folder(kept.digest)
    assert stranger.seen == []
    basic.allowed = [f"//{basic.proxy.host}", f"//{stranger.host}"]
    basic.proxy.faults = [leads("GET", digest, place)]
    assert basic.machine().folder(kept.digest).is_dir()
    assert [one.authorization for one in stranger.seen] == [None]


@pytest.mark.real
def test_redirects_that_are_not_encrypted_or_without_end_are_refused(bench: Bench) -> None:
    kept = bench.keep(bench.machine())
    bench.allowed = [f"//{bench.proxy.host}", "//files.example"]
    for location, words in (
        ("http://files.example/x", "gave a redirect to http://files.example:80"),
        ("http://user:pw@127.0.0.1/x", "an address that is none"),
        (f"/v2/{bench.name}/blobs/round", "redirects without end"),
    ):
        bench.proxy.faults = [leads("GET", "blobs", location)] * 5
        with pytest.raises(NeedsPerson, match=words):
            bench.machine().folder(kept.digest)


@pytest.mark.real
def test_a_proxy_in_the_environment_is_not_asked(
    bench: Bench, stranger: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{stranger.host}")
    monkeypatch.setenv("ALL_PROXY", f"http://{stranger.host}")
    bench.keep(bench.machine())
    assert stranger.seen == []


@pytest.mark.real
def test_a_repository_that_has_to_be_made_before_is_told(bench: Bench) -> None:
    bench.proxy.faults = [status("POST", "uploads", 404)]
    assert f"{bench.place} is not there" in refusal(bench).message
