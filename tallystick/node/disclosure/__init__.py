"""Disclosure control: exact cubes in, safe tables out, and nothing else that publishing would accept.

    safe = protect_plan(cubes, released, catalogue, state="KAZ", secrets=period_secret_of, profile=PEER)

The method is ``keyed`` (docs/DISCLOSURE.md): cell-key perturbation with a secret of the period, a threshold on the
perturbed figure, and an audit of exact intervals over everything the state ever released, which fails closed.
"""

from tallystick.node.disclosure.attack import Attacked, attack_released
from tallystick.node.disclosure.naive import NaiveAttack, naive_attack
from tallystick.node.disclosure.profile import PEER, PROFILES, PUBLIC, Profile
from tallystick.node.disclosure.protect import METHOD, protect_plan
from tallystick.node.disclosure.safe import AuditFigures, ReleasedSlice, SafeTable

__all__ = [
    "METHOD",
    "PEER",
    "PROFILES",
    "PUBLIC",
    "Attacked",
    "AuditFigures",
    "NaiveAttack",
    "Profile",
    "ReleasedSlice",
    "SafeTable",
    "attack_released",
    "naive_attack",
    "protect_plan",
]
