"""The papers of the house agree with it: dependencies, lock, changelog, licence, links, and no registry by name."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.imports import PACKAGE, ROOT, imports, modules

#: Hosts of package registries, in pieces, so that this file does not name them either.
REGISTRIES = tuple(
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("snapshot", "debian", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("conda", "anaconda", "org"),
        ("registry-1", "docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
    )
)
#: What a distribution is imported as, where that is not its name.
IMPORTED_AS = {"pyyaml": "yaml", "ruamel-yaml": "ruamel", "scikit-learn": "sklearn", "protobuf": "google"}
#: Declared only for their version: another dependency brings and imports them.
BOUND_ONLY = {"protobuf"}


@cache
def _tracked() -> tuple[str, ...]:
    argv = ["git", "-C", str(ROOT), "ls-files", "-z"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return tuple(name for name in done.stdout.split("\0") if name)


@cache
def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _runtime() -> list[Requirement]:
    return [Requirement(text) for text in _project()["project"]["dependencies"]]


def _direct() -> list[Requirement]:
    return [*_runtime(), *(Requirement(text) for text in _project()["dependency-groups"]["dev"])]


def _pages() -> Iterator[Path]:
    yield from (ROOT / name for name in _tracked() if name.endswith(".md") and (ROOT / name).is_file())


# --- dependencies and lock ----------------------------------------------------------------------------------


def test_every_dependency_has_its_line_that_says_what_for_and_what_else() -> None:
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines()]
    told = {canonicalize_name(row[0]) for row in rows if len(row) == 3 and row[1] and row[2]}
    assert {canonicalize_name(needed.name) for needed in _direct()} - told == set()


def test_the_lock_holds_every_dependency_in_a_version_that_fits() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", lock, re.M)}
    for needed in _direct():
        version = locked.get(canonicalize_name(needed.name))
        assert version and needed.specifier.contains(version), f"{needed} is not met by the lock: make lock"


def test_the_lock_has_a_hash_for_every_package_and_names_no_place() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert re.findall(r"^(?!\s*--hash=sha256:[0-9a-f]{64}(?: \\)?$|[\w.-]+==\S+ \\$).*$", lock, re.M) in ([], [""])
    assert "://" not in lock


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    import sys

    roots = {found.target.split(".")[0] for name in modules() for found in imports(name)}
    third_party = roots - set(sys.stdlib_module_names) - {"reconciler"}
    declared = {canonicalize_name(needed.name) for needed in _runtime()}
    names = {IMPORTED_AS.get(name, name) for name in declared}
    assert third_party - names == set(), "imported, and not declared in pyproject.toml"
    idle = {name for name in declared - BOUND_ONLY if IMPORTED_AS.get(name, name) not in third_party}
    assert idle == set(), "declared in pyproject.toml, and imported by nothing"


# --- what is tracked ----------------------------------------------------------------------------------------


def test_no_tracked_file_names_a_package_registry() -> None:
    pattern = re.compile("|".join(re.escape(host) for host in REGISTRIES), re.I)
    found = [
        f"{name}: {match.group()}"
        for name in _tracked()
        if (ROOT / name).is_file()
        for match in pattern.finditer((ROOT / name).read_bytes().decode("utf-8", "replace"))
    ]
    assert found == []


def test_a_lock_that_names_registries_is_not_tracked_and_is_ignored() -> None:
    assert [name for name in _tracked() if Path(name).name == "uv.lock"] == []
    assert "uv.lock" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_what_the_machine_keeps_is_not_tracked() -> None:
    kept = (".venv/", ".reconciler/", "demo/", "dist/", "build/")
    assert [name for name in _tracked() if name.startswith(kept) or "__pycache__" in name] == []


# --- papers -------------------------------------------------------------------------------------------------


def test_the_licence_is_the_one_that_the_project_names() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert _project()["project"]["license"] == "Apache-2.0"
    assert "Apache License" in text and "Version 2.0, January 2004" in text and "END OF TERMS AND CONDITIONS" in text


def test_the_changelog_speaks_of_this_version() -> None:
    import reconciler

    version = _project()["project"]["version"]
    assert reconciler.__version__ == version
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert headings[0] == version


def test_every_decision_is_in_the_index_and_numbered_once() -> None:
    folder = ROOT / "docs/decisions"
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [name for name in records if f"({name})" not in index] == []
    assert len({name[:4] for name in records}) == len(records)


def test_architecture_names_every_room() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rooms = {name.split(".")[1] for name in modules() if "." in name}
    assert [room for room in sorted(rooms) if f"reconciler/{room}" not in text] == []


def test_every_file_that_architecture_names_is_there() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_/]+(?:\.py|/))`", text)) - {"spec.py"}
    assert [name for name in sorted(named) if not (ROOT / name).exists() and not (PACKAGE / name).exists()] == []


@pytest.mark.parametrize("target", ["help", "setup", "demo", "test", "lint", "bench", "lock", "clean"])
def test_make_lists_every_command(target: str) -> None:
    done = subprocess.run(["make", "-C", str(ROOT), "--no-print-directory"], capture_output=True, text=True)
    assert done.returncode == 0
    assert re.search(rf"^  make {target} ", done.stdout, re.M)


def test_every_link_in_the_docs_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {link}" for page in _pages() for link in _links(page) if not _resolves(page, link)
    ]
    assert broken == []


def _links(page: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    for link in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", link):
            yield link


def _resolves(page: Path, link: str) -> bool:
    path, _, anchor = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or target.is_dir() or anchor in _anchors(target)


def _anchors(page: Path) -> set[str]:
    """Anchors of headings, as git hosts make them."""
    headings = re.findall(r"^#+ (.+?)\s*$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
