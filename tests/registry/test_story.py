"""Snapshots in a registry, from the manifest to predictions on another runner, as typed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.data.test_own_receivables import typed
from tests.support.components import needs
from tests.support.registry import registry


@pytest.mark.real
def test_a_runner_that_forgot_its_disk_trains_and_predicts_from_the_registry(tmp_path: Path) -> None:
    needs("bwrap", "docker-registry")
    shop = tmp_path / "shop"
    with registry(tmp_path / "registry") as host:
        typed(tmp_path, "reconciler init shop --example")
        file = shop / "environments/sandbox.yaml"
        file.write_text(file.read_text().replace(".reconciler/snapshots", f"oci://{host}/shop/snapshots"))
        typed(shop, "git -c user.name=Ann -c user.email=a@b.example commit -qam 'Keep snapshots in the registry'")
        refused = typed(shop, "reconciler data refresh sandbox && exit 9 || echo $?")
        assert refused.stdout.strip() == "3" and f"reconciler.dataAllow //{host}" in refused.stderr
        typed(shop, f"git config --add reconciler.dataAllow //{host} && reconciler data refresh sandbox")
        shutil.rmtree(shop / ".reconciler/snapshots")
        shutil.rmtree(shop / ".git/reconciler/snapshots")
        typed(shop, "reconciler apply --yes && reconciler predict -e sandbox --out p.csv && reconciler verify")
        assert len((shop / "p.csv").read_text().splitlines()) > 200
    typed(shop, "reconciler plan")
    shutil.rmtree(shop / ".git/reconciler/snapshots")
    down = typed(shop, "reconciler predict -e sandbox && exit 9 || echo $?")
    assert down.stdout.strip() == "1" and f"oci://{host}/shop/snapshots cannot be reached" in down.stderr
