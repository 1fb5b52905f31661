"""The leak guard: whether what a training uses was really known at each invoice's date. Deny by default.

Runs in the box, beside the training, on the snapshot that the job names. `declarations` asks what is declared and
what speaks against it, `recomputation` builds features again from what was known on a sample of days, `separation`
asks whether one field alone tells the outcomes, `ceiling` whether figures are too good. What is wrong is a value,
`domain.guard.GuardFinding`; it never holds a value of the data. `guard.py` puts them together.
"""
