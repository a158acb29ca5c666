"""The process that faces peers: serves the own log, pulls theirs, exchanges files with the own desk.

It holds the TLS key and nothing that could sign a release or a checkpoint of its own log; it imports no code that
opens a case store (``tests/exchange/border`` asks a running border). Every stored thing of ``HOME/border``:

- ``roster/``, ``archive/``: not trusted; verified when written and again by whoever asks.
- ``state.db``: what peers showed, alarms with their evidence. Who can write here can make this border forget.
- ``peers.toml``: addresses. A false one leads to a peer that fails, because pins come from the roster.
- ``secrets/tls.pem``: encrypted; who has it and the passphrase can talk as this border until the leaf is rotated.
- ``border.log``: JSON lines, no secret.
"""
