"""One short story per command: read through the ports, ask the core, write through the ports. Nothing prints."""
