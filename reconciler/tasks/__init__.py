"""Prediction tasks, one folder each: a light `spec.py`, and heavy files that only training and scoring import."""
