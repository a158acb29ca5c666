"""Making a state's home, giving its secrets back from shares, enrolling officers, and looking for what will bite.

A home is made whole or not at all: everything is put together in ``HOME/.making``, which becomes ``HOME/.made`` in
one rename once the last question is answered; only then are its parts moved to their places.
"""
