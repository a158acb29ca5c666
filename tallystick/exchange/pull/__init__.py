"""Pulling a peer: three roads (``grpcs:``, ``https:``, ``file:``), one verifier.

    source = open_source(url, cc="kaz", tls=ClientTls.towards(roster.state("KAZ"), leaf, key))
    for step in pull_peer(source, "kaz", known, at=clock.now()):
        ...  # hand over what was verified: a RosterStep, DataSteps, one LogStep

Nothing is stored here, and nothing is handed over that was not verified.
"""

from tallystick.exchange.pull.rounds import known_digests, pull_peer
from tallystick.exchange.pull.source import HeadInfo, PullLimits, Source, check_url, open_source
from tallystick.exchange.pull.steps import DataStep, Known, LogStep, PullStep, RosterStep
from tallystick.exchange.pull.tls import ClientTls

__all__ = [
    "ClientTls",
    "DataStep",
    "HeadInfo",
    "Known",
    "LogStep",
    "PullLimits",
    "PullStep",
    "RosterStep",
    "Source",
    "check_url",
    "known_digests",
    "open_source",
    "pull_peer",
]
