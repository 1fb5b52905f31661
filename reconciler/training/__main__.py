"""`python -m reconciler.training JOB.json OUT/`: run one job (train, judge, check) and write OUT/result.json.

Progress is JSON lines on stdout. Exit 0 when a result was written, a failure of the job included; 2 for a wrong
call; anything else when no result could be written. Reads the job, the folders that it names, and nothing else.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reconciler.training.environment import settle


def main() -> int:
    """Fix the environment, then run the job named on the command line."""
    if len(sys.argv) != 3:
        sys.stderr.write("usage: python -m reconciler.training JOB.json OUT/\n")
        return 2
    settle()
    from reconciler.training.program import run

    return run(Path(sys.argv[1]), Path(sys.argv[2]))


if __name__ == "__main__":
    sys.exit(main())
