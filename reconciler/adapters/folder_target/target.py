"""`Target` over a folder: what is deployed is what its symlinks name.

Touches only the folder and its own cache. Refuses to guess: without a marker, or with one that cannot be read or is
another environment's, the state is `unknown`, and nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reconciler.adapters.folder_target import layout, reading, writing
from reconciler.adapters.folder_target.layout import DeploymentFile, Marker
from reconciler.adapters.folder_target.reading import Unreadable
from reconciler.adapters.folder_target.remembered import Remembered
from reconciler.domain import oci
from reconciler.domain.errors import NeedsPerson, PlanAgain, RetryLater, VerificationFailed
from reconciler.domain.observed import Observed, TargetState
from reconciler.tools import files

_STRANGER = (
    "check the target's path in the environment file and that the folder is mounted; "
    "if the folder is right, move what is in it away and apply again"
)


class FolderTarget:
    """The target of `environment` at `root` (absolute; need not exist yet). Observations may use the folder `cache`."""

    def __init__(self, root: Path, environment: str, cache: Path | None = None) -> None:
        self.root = root
        self.environment = environment
        self._cache = cache

    # --- reading ---------------------------------------------------------------------------------------

    def observe(self, *, hash_bytes: bool = False) -> TargetState:
        """What is there; what cannot be read or believed is `unknown` with a detail. Never raises."""
        try:
            with files.opened_folder(self.root, follow=True) as root:
                marker = reading.read_marker(root, self.environment)
                if marker is None:
                    return self._empty()
                found = self._observe_models(root, hash_bytes=hash_bytes)
                return TargetState("known", models=found, generation=marker.generation)
        except FileNotFoundError:
            return self._empty()
        except (Unreadable, files.Unfit) as error:
            return TargetState("unknown", detail=f"target {self.root}: {error}")
        except OSError as error:
            return TargetState("unknown", detail=f"target {self.root} cannot be read: {error.strerror or error}")

    def files(self, model: str) -> tuple[Observed, Mapping[str, bytes]]:
        """What is served, `manifest.json` included, read once and hashed as read.

        Raises NeedsPerson where nothing is served or the target is unknown, VerificationFailed for altered bytes."""
        layout.checked_model(model)
        with self._opened(model) as root:
            link = reading.read_link(root, model)
            if link is None:
                raise self._not_served(model)
            if link.folder is None:
                raise self._altered(model, link.detail)
            try:
                with files.opened_below(root, layout.VERSIONS, model, link.folder) as folder:
                    deployment = reading.read_deployment(folder, model)
                    return deployment.observed(), reading.read_bytes(folder, deployment)
            except FileNotFoundError:
                raise self._altered(model, "its symlink points to nothing") from None
            except (ValueError, files.Unfit) as error:
                raise self._altered(model, str(error)) from None

    # --- writing ---------------------------------------------------------------------------------------

    def deploy(self, model: str, deployment: Observed, files_: Mapping[str, bytes]) -> None:
        """Set the model by one rename. `files_` are the artifact's files and `manifest.json`.

        Idempotent: the same deployment on intact bytes changes nothing. Raises VerificationFailed for bytes that are
        not the digest's, PlanAgain for an older generation, NeedsPerson for a target that is not this
        environment's, RetryLater when the disk refuses; then what was served is still served."""
        wanted = _checked(model, deployment, files_)
        with self._changing(wanted.generation, create=True) as root:
            assert root is not None  # noqa: S101  created
            writing.clean(root, model)
            link = reading.read_link(root, model)
            served = link.folder if link else None
            if link and served and self._holds(root, model, wanted, served):
                writing.prune(root, model, served, _newest_other(root, model, served))
                return
            folder = writing.write_version(root, wanted, files_, served=served)
            if not writing.is_ours(link):
                writing.set_aside(root, model)
            writing.swap(root, model, folder)
            writing.prune(root, model, folder, served)

    def withdraw(self, model: str, generation: int) -> None:
        """Take the model out; idempotent. Raises as `deploy`."""
        layout.checked_model(model)
        with self._changing(generation, create=False) as root:
            link = reading.read_link(root, model) if root is not None else None
            if root is None or link is None:
                return
            writing.clean(root, model)
            if writing.is_ours(link):
                writing.take_out(root, model)
            else:
                writing.set_aside(root, model)
            writing.prune(root, model, link.folder)

    # --- inside ----------------------------------------------------------------------------------------

    def _empty(self) -> TargetState:
        return TargetState("empty", anew=layout.marking_line(self.root, self.environment))

    def _observe_models(self, root: int, *, hash_bytes: bool) -> dict[str, Observed]:
        remembered = Remembered(None if hash_bytes else self._cache, self.root)
        found: dict[str, Observed] = {}
        for model in reading.models(root):
            link = reading.read_link(root, model)
            if link is None:
                continue
            known = remembered.recall(root, model, link.folder) if link.folder else None
            found[model] = known or reading.observe_model(root, model, link)
            if known is None and link.folder:
                remembered.learn(root, link.folder, found[model])
        remembered.save()
        return found

    def _holds(self, root: int, model: str, wanted: DeploymentFile, folder: str) -> bool:
        """True where exactly this deployment is served already, every byte of it."""
        try:
            with files.opened_below(root, layout.VERSIONS, model, folder) as opened:
                found = reading.read_deployment(opened, model)
                reading.read_bytes(opened, found)
                return found == wanted
        except (ValueError, files.Unfit, OSError):
            return False

    @contextmanager
    def _opened(self, model: str) -> Iterator[int]:
        try:
            with files.opened_folder(self.root, follow=True) as root:
                if reading.read_marker(root, self.environment) is None:
                    raise self._not_served(model)
                yield root
        except FileNotFoundError:
            raise self._not_served(model) from None
        except (Unreadable, files.Unfit) as error:
            raise NeedsPerson(f"target {self.root}: {error}", next_step=_STRANGER) from None
        except OSError as error:
            raise NeedsPerson(
                f"target {self.root} cannot be read: {error.strerror or error}", next_step="check its permissions"
            ) from None

    @contextmanager
    def _changing(self, generation: int, *, create: bool) -> Iterator[int | None]:
        """The open root, locked and of this generation; None where there is no target and none is to be made."""
        try:
            if not create and not self.root.exists():
                yield None
                return
            files.make_folder(self.root)
            with files.opened_folder(self.root, follow=True) as root, files.locked(layout.LOCK, dir_fd=root):
                yield root if self._enter(root, generation, create=create) else None
        except (Unreadable, files.Unfit) as error:
            raise NeedsPerson(f"target {self.root}: {error}", next_step=_STRANGER) from None
        except OSError as error:
            raise RetryLater(
                f"target {self.root} cannot be written: {error.strerror or error}",
                next_step="make room or make it writable, then apply again; what was served is still served",
            ) from None

    def _enter(self, root: int, generation: int, *, create: bool) -> bool:
        """Refuse an older generation and remember a newer one, before anything of it is written."""
        marker = reading.read_marker(root, self.environment)
        if marker is None and not create:
            return False
        if marker is not None and generation < marker.generation:
            raise PlanAgain(
                f"target {self.root} has been written by lease generation {marker.generation}, this is {generation}: "
                "another apply took over",
                next_step="plan again",
            )
        if marker is None or generation > marker.generation:
            new = Marker(format_version=layout.FORMAT_VERSION, environment=self.environment, generation=generation)
            writing.write_marker(root, new)
        return True

    def _not_served(self, model: str) -> NeedsPerson:
        return NeedsPerson(
            f"target {self.root} serves no {model}", next_step="reconciler status says what each environment has"
        )

    def _altered(self, model: str, detail: str) -> VerificationFailed:
        return VerificationFailed(
            f"what target {self.root} serves as {model} is not what was deployed: {detail}",
            next_step="reconciler drift says what differs; reconciler apply puts it back",
        )


def _checked(model: str, deployment: Observed, content: Mapping[str, bytes]) -> DeploymentFile:
    """The deployment file for these bytes. Raises VerificationFailed where they are not the digest's."""
    layout.checked_model(model)
    if deployment.model != model or deployment.version is None or deployment.digest is None:
        raise NeedsPerson(f"a deployment of {model} needs its version and digest")
    manifest_bytes = content.get(oci.MANIFEST_FILE, b"")
    if reading.digest_of(manifest_bytes) != deployment.digest:
        raise _not_the_digest(model, deployment.digest, oci.MANIFEST_FILE)
    try:
        manifest = oci.read_manifest(manifest_bytes)
    except ValueError as error:
        raise VerificationFailed(f"{deployment.digest} is not an artifact of a model: {error}") from None
    if set(content) != {layer.name for layer in manifest.layers} | {oci.MANIFEST_FILE}:
        raise _not_the_digest(model, deployment.digest, "the set of files")
    for layer in manifest.layers:
        if reading.digest_of(content[layer.name]) != layer.digest:
            raise _not_the_digest(model, deployment.digest, layer.name)
    try:
        return DeploymentFile(
            format_version=layout.FORMAT_VERSION,
            model=model,
            version=deployment.version,
            digest=deployment.digest,
            ledger_commit=deployment.ledger_commit,
            generation=deployment.generation,
            files={name: reading.digest_of(bytes_) for name, bytes_ in content.items()},
        )
    except ValueError:
        raise NeedsPerson(f"a deployment of {model} needs a version, a ledger commit and a generation") from None


def _not_the_digest(model: str, digest: str, what: str) -> VerificationFailed:
    return VerificationFailed(
        f"what is to be deployed as {model} is not {digest}: {what} differs",
        next_step="reconciler verify says which store is altered; nothing was deployed",
    )


def _newest_other(root: int, model: str, served: str) -> str | None:
    """The version folder written last besides the served one: the one that was served before."""
    with files.opened_below(root, layout.VERSIONS, model) as versions:
        others = [name for name in files.names(versions) if name != served]
        return max(others, key=lambda name: os.stat(name, dir_fd=versions).st_mtime_ns, default=None)
