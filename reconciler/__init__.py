"""GitOps for prediction models: git says which model version serves, a reconciler makes it so."""

__version__ = "0.1.0"
