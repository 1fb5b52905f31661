"""Scoring: a stored model over a feature table, by onnxruntime. Knows the tasks and the domain, and nothing else."""
