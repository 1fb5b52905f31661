"""A whole life over PostgreSQL with planted secrets, and then everything that was written is searched for them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import sql

from reconciler.domain.errors import NeedsPerson
from tests.sources.rigs.postgresql_rig import PostgresqlRig, owner, postgresql_rig, server
from tests.support import killpoint
from tests.support.components import needs
from tests.support.planted import found
from tests.support.receivables_elsewhere import EXPORTS, TRUTH, what_to_type

USER = "keeper"
RIGHT = "right/p@ss%41 wörd'\"\\7f3c9e1d"
WRONG = "wrong:p@ss&wörd#'5b2a8c4e"
UNUSED = "unused-but-in-the-environment-61d0aa"
NEEDS_A_PERSON = NeedsPerson.exit_code
RECONCILER = str(Path(sys.executable).with_name("reconciler"))


def test_the_search_finds_a_secret_wherever_it_hides(tmp_path: Path) -> None:
    import base64

    import polars as pl

    (tmp_path / "log").write_text(f"x {RIGHT} y")
    (tmp_path / "basic").write_bytes(b"Basic " + base64.b64encode(f"{USER}:{RIGHT}".encode()))
    (tmp_path / "hex").write_text(RIGHT.encode().hex())
    pl.DataFrame({"text": [RIGHT] * 1000}).write_parquet(tmp_path / "rows.parquet")
    subprocess.run(["git", "init", "-q", str(tmp_path / "repository")], check=True)
    hash_it = ["git", "-C", str(tmp_path / "repository"), "hash-object", "-w", "--stdin"]
    subprocess.run(hash_it, input=RIGHT.encode(), check=True, capture_output=True)
    places = " ".join(found(tmp_path, [RIGHT, WRONG], USER))
    assert all(name in places for name in ("log:", "basic:", "hex:", "rows of", "objects of"))
    assert not found(tmp_path, [WRONG, UNUSED], USER)


class Life:
    """Runs commands with the secrets in their environment; what they say goes to files of the folder."""

    def __init__(self, folder: Path, words: list[str], temporary: Path) -> None:
        self.folder = folder
        self.words = words
        self.temporary = temporary
        self.runs = 0
        for name in ("logs", "home"):
            (folder / name).mkdir()

    def run(self, *argv: str, code: int = 0, password: str = RIGHT, **more: str) -> str:
        """Run `reconciler ARGV` and check its exit code."""
        variables = self.variables(password) | more
        done = subprocess.run(
            [RECONCILER, *argv], cwd=self.folder, env=variables, capture_output=True, timeout=300, check=False
        )
        self.keep(done.stdout + done.stderr)
        assert done.returncode == code, (argv, done.stdout.decode(), done.stderr.decode())
        return (done.stdout + done.stderr).decode()

    def variables(self, password: str) -> dict[str, str]:
        """The environment of a runner."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.temporary),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "RECONCILER_CREDENTIALS_ERP": password,
            "RECONCILER_CREDENTIALS_OTHER": UNUSED,
        }

    def keep(self, said: bytes) -> None:
        """Keep what a command said."""
        self.runs += 1
        (self.folder / "logs" / f"{self.runs:02d}").write_bytes(said)


@pytest.mark.real
def test_no_secret_is_written_anywhere_in_a_whole_life(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    needs("bwrap")
    with (
        postgresql_rig(tmp_path_factory.mktemp("rig")) as rig,
        tempfile.TemporaryDirectory(prefix="life-") as temporary,  # a short path: a socket is bound below it
    ):
        assert isinstance(rig, PostgresqlRig)
        life = Life(tmp_path, begun(rig), Path(temporary))
        outside = tmp_path_factory.mktemp("secrets")
        live(life, outside)
        die(life, killpoint.build(tmp_path_factory.mktemp("killpoint")))
        fail(life, rig)
        assert found(life.temporary, [RIGHT, WRONG, UNUSED], USER) == []
    assert life.runs > 14
    assert (tmp_path / "mine/.reconciler/store/index.json").exists()
    assert found(tmp_path, [RIGHT, WRONG, UNUSED], USER) == []


def begun(rig: PostgresqlRig) -> list[str]:
    """A table that a user with an odd password may read, and the words that name it."""
    export = replace(EXPORTS["Odoo in PostgreSQL"])
    source = {**rig.put("receivables", export.table(TRUTH)), "user": USER}
    with owner(server(), rig.database) as connection:
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(USER)))
        connection.execute(sql.SQL("CREATE USER {} PASSWORD {}").format(sql.Identifier(USER), sql.Literal(RIGHT)))
        connection.execute(sql.SQL("GRANT SELECT ON receivables TO {}").format(sql.Identifier(USER)))
    return what_to_type(source, rig.root)


def live(life: Life, outside: Path) -> None:
    """All that is done on an ordinary day, and a day on which the password is another."""
    life.run("init", "mine", *life.words, "--yes", code=NEEDS_A_PERSON, password=WRONG)
    life.run("init", "mine", *life.words, "--yes")
    (outside / "erp").write_text(RIGHT + "\n")
    file = {"RECONCILER_CREDENTIALS_ERP": "", "RECONCILER_CREDENTIALS_ERP_FILE": str(outside / "erp")}
    life.run("-C", "mine", "data", "refresh", "sandbox", "--as-of", "2025-10-31", **file)
    life.run("-C", "mine", "data", "refresh", "sandbox", "-o", "json")
    life.run("-C", "mine", "data", "refresh", "sandbox", code=NEEDS_A_PERSON, password=WRONG)
    life.run("-C", "mine", "plan", "--out", "plan.json")
    assert "0 failed" in life.run("-C", "mine", "apply", "--yes")
    life.run("-C", "mine", "predict", "-e", "sandbox", "--out", "p.csv")
    for words in (["data", "show"], ["status"], ["show", "payment-prediction@1.0.0"], ["history"], ["verify"]):
        life.run("-C", "mine", *words, "-o", "json")


def die(life: Life, library: Path) -> None:
    """Killed while it writes a snapshot, so that its temporary folders are left."""
    argv = [RECONCILER, "-C", "mine", "data", "refresh", "sandbox", "--as-of", "2025-06-30"]
    whole = killpoint.run(library, [*argv[:-1], "2025-05-31"], cwd=life.folder, env=life.variables(RIGHT))
    assert whole.returncode == 0, whole.stderr
    at = next(number for number, line in enumerate(whole.log, 1) if "snapshots/" in line)
    cut = killpoint.run(library, argv, at=at, cwd=life.folder, env=life.variables(RIGHT))
    life.keep((cut.stdout + cut.stderr).encode())
    assert cut.killed
    assert list(life.temporary.glob("reconciler-data-*/*"))


def fail(life: Life, rig: PostgresqlRig) -> None:
    """What is refused by the server, and what somebody wrote into a manifest."""
    life.run("init", "other", *[word.replace("receivables", "nowhere") for word in life.words], "--yes", code=3)
    life.run("init", "other", *[word.replace("//", f"//x:{UNUSED}@") for word in life.words], "--yes", code=3)
    with owner(server(), rig.database) as connection:
        connection.execute(sql.SQL("REVOKE SELECT ON receivables FROM {}").format(sql.Identifier(USER)))
    life.run("-C", "mine", "data", "refresh", "sandbox", code=NEEDS_A_PERSON)
    path = life.folder / "mine/environments/production.yaml"
    right = path.read_text()
    path.write_text(right.replace("kind: postgresql,", f'kind: sql, url: "postgresql://u:{UNUSED}@h/d",'))
    life.run("-C", "mine", "validate", code=3)
    path.write_text(right)
