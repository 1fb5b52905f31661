"""Looks for planted secrets in all that is below a folder: bytes of files, git objects inflated, rows of Parquet."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote


def forms(secret: str, user: str = "") -> set[bytes]:
    """The secret as it could have been written: plain, escaped for an address, JSON or SQL, base64, hexadecimal."""
    plain = secret.encode()
    whole = {plain, quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode(), plain.hex().encode()}
    whole |= {secret.replace("'", "''").encode(), repr(secret)[1:-1].encode(), secret.encode("utf-16-le")}
    encoded = [base64.b64encode(plain), base64.b64encode(f"{user}:{secret}".encode())]
    return whole | {each.rstrip(b"=")[:-1] for each in encoded}


def found(folder: Path, secrets: Sequence[str], user: str = "") -> list[str]:
    """Where a secret was found, in any form: `FILE: what`."""
    looked_for = {form: secret for secret in secrets for form in forms(secret, user)}
    return [
        f"{place}: the secret that begins with {secret[:4]!r}"
        for place, content in _contents(folder)
        for form, secret in looked_for.items()
        if form in content
    ]


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        yield f"the name of {path}", path.name.encode(errors="surrogateescape")
        if path.is_symlink():
            yield f"the link {path}", str(path.readlink()).encode()
        elif path.is_file():
            yield str(path), path.read_bytes()
            if path.suffix == ".parquet":
                yield f"rows of {path}", _rows(path)
        elif path.is_dir() and (path / "objects").is_dir() and (path / "HEAD").exists():
            yield f"objects of {path}", _objects(path)


def _objects(git: Path) -> bytes:
    """Every object, also those that nothing names."""
    argv = ["git", "--git-dir", str(git), "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(argv, check=True, capture_output=True).stdout


def _rows(path: Path) -> bytes:
    import duckdb

    try:
        with duckdb.connect(":memory:") as database:
            rows = database.execute("SELECT * FROM read_parquet(?)", [str(path)])
            return "\n".join(str(cell) for row in rows.fetchall() for cell in row).encode()
    except duckdb.Error:  # a file whose writing was killed
        return b""
