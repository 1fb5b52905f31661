"""One file per command: parse the words, call one use case, render its value."""
