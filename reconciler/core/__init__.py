"""Pure decisions: what differs, what may happen, what a receipt changes. No files, processes, clock or chance."""
