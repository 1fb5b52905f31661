"""Tests of the task, the training program and scoring. One OpenMP thread: idle ones spin beside other workers."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
