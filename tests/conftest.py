"""For every test: the TLS suites are named before a test module imports gRPC (see ``proto.exchange.v1``)."""

from typing import Any

from hypothesis import HealthCheck, settings

import tallystick.exchange  # noqa: F401 - as the docstring says

# A busy machine is slow, not wrong: no example fails for the time it took.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many real processes were killed, so that a note can cite it."""
    reports = [one for found in terminalreporter.stats.values() for one in found if getattr(one, "when", "") == "call"]
    kills = sum(int(value) for one in reports for name, value in one.user_properties if name == "kills")
    if kills:
        terminalreporter.write_line(f"processes killed by SIGKILL and checked: {kills}")
