"""For every test: the TLS suites are named before a test module imports gRPC (see ``proto.exchange.v1``)."""

import tallystick.exchange  # noqa: F401 - as the docstring says
