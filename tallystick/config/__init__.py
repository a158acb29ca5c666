"""Settings, table catalogue, code lists, errors, words, clock and files: the room that knows nothing of the others."""
