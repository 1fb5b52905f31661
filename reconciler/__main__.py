"""The composition root: builds the adapters and hands them to the command line. Nothing else does."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    raise SystemExit(0)


if __name__ == "__main__":
    main()
