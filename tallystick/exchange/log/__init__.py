"""A state's own log as files: the writer, which the desk alone runs, and a reader for any tree of that layout."""
