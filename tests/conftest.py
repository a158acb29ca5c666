"""For every test: the TLS suites are named before a test module imports gRPC (see ``proto.exchange.v1``)."""

from hypothesis import HealthCheck, settings

import tallystick.exchange  # noqa: F401 - as the docstring says

# A busy machine is slow, not wrong: no example fails for the time it took.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
