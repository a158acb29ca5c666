"""``python -m tallystick.exchange.border``: the same as ``tallystick-border``."""

from tallystick.exchange.border.main import main

main()
