"""The artifact store in a folder: an OCI image layout, which skopeo and oras read and write as it is."""

from reconciler.adapters.oci_layout.store import OciLayout

__all__ = ["OciLayout"]
