"""Effects: git, YAML, stores, targets, data sources and the box. They do not know each other; `__main__` joins them."""
