"""``tallystick demo``: a whole federation on one machine, from empty homes to one verified regional answer."""

from tallystick.cli.demo.command import app

__all__ = ["app"]
