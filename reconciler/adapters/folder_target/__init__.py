"""A target in a folder: each model is a symlink, swapped by one rename."""

from reconciler.adapters.folder_target.target import FolderTarget

__all__ = ["FolderTarget"]
