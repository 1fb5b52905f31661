"""The house itself: imports that a linter cannot see, purity, light start, budgets, papers."""
