"""Customer payment: will an open invoice be paid on time, late or very late? `spec.py` is light, the rest is heavy."""
