"""Promises of speed, measured as ratios in one run: our program beside what the same work costs without it."""
