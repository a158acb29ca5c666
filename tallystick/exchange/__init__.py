"""What crosses the border: formats and their verifier, the log, the peer port, pulling, the archive and its questions.

Nothing here can reach a case: not by import (``tallystick.node`` and the case store's libraries are forbidden, and a
test asserts it), not by key, not by file permission.
"""

import tallystick.proto.exchange.v1  # noqa: F401 - names the TLS suites before anything below imports gRPC
