"""What crosses between borders, and between a desk and its own border: messages, bounds, and one rule of TLS.

gRPC reads ``GRPC_SSL_CIPHER_SUITES`` once, when it is first imported; set later it is ignored without a word.
So the suites are named here, in the package that every user of the wire passes before ``import grpc``. The list
leaves nothing for TLS 1.2 to agree on: its one suite of that version needs an RSA certificate, and roster leaves
are P-256. gRPC's own log is kept to errors, because strangers' failed handshakes could fill a disk with it.
"""

import os
import sys

__all__ = ["CHUNK_BYTES", "MAX_MESSAGE_BYTES", "MAX_PATHS", "SERVICE", "TLS13_ONLY", "TLS_SUITES"]

SERVICE = "tallystick.exchange.v1.ExchangeService"
CHUNK_BYTES = 256 * 1024
"""Largest ``Chunk.data``, in bytes."""
MAX_MESSAGE_BYTES = 1024 * 1024
"""Largest message that either side takes in, in bytes, after decompression."""
MAX_PATHS = 256
"""Most paths in one ``FetchRequest``."""

TLS_SUITES = "TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-GCM-SHA256"
_VARIABLE = "GRPC_SSL_CIPHER_SUITES"

TLS13_ONLY = "grpc" not in sys.modules or os.environ.get(_VARIABLE) == TLS_SUITES
"""False where gRPC was imported before this package without the suites: nobody may open a port then."""

os.environ[_VARIABLE] = TLS_SUITES
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
