"""Figures about this state that others published: read, kept, and set beside what we release.

A known figure is public. It is kept with its source, so that nobody has to believe it, and it never touches a count
of ours: a comparison shows a published figure, or that the cell is withheld, never what is in the register.
"""
