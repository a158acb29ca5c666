"""The peer port: what one state's border answers to another's, over mutual TLS 1.3.

    server = PeerServer(ServedTree("kaz", archive.tree, roster_folder), "127.0.0.1:0", leaf, pins, limits=Limits())
    port = await server.start()
    await server.replace_pins(new_pins)  # rotation and removal: no restart
    await server.stop()

Everything served is public within the federation, signed, and read-only. The port has one service with two
methods, no reflection and no health service (a monitor without a pinned leaf gets no handshake anyway).
"""

from tallystick.exchange.service.callers import Callers
from tallystick.exchange.service.credentials import Leaf, Pins
from tallystick.exchange.service.limits import Limits
from tallystick.exchange.service.server import CallRecord, PeerServer
from tallystick.exchange.service.tree import ServedTree

__all__ = ["CallRecord", "Callers", "Leaf", "Limits", "PeerServer", "Pins", "ServedTree"]
