"""What a method may be set to: noise, threshold, width, decoys; the two profiles of the federation."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tallystick.config.errors import ConfigError
from tallystick.config.i18n import _

__all__ = ["PEER", "PROFILES", "PUBLIC", "Profile"]


@dataclass(frozen=True)
class Profile:
    """Parameters of the ``keyed`` method. All of them may be told; only the period's secret is secret.

    Attributes:
        id: Name in statements.
        reach: Largest amount D by which a figure is off, in persons.
        variance: Variance V of the noise of a figure of D or more, in persons squared.
        threshold: Smallest published figure k; anything below is withheld.
        width: Fewest values that must stay possible for a withheld cell.
        decoy_bits: A relation gets a decoy with probability 2**-decoy_bits, each further one with half of that.
    """

    id: str
    reach: int
    variance: int
    threshold: int
    width: int
    decoy_bits: int = 6

    def __post_init__(self) -> None:
        sane = (
            1 <= self.reach <= 20
            and 1 <= self.variance <= self.reach**2
            and self.reach + 2 <= self.threshold <= 100
            and 1 <= self.width <= self.threshold - 1 + self.reach
            and 1 <= self.decoy_bits <= 16
        )
        if not sane:
            # k of at least D + 2 keeps single persons from being shown. Below it the audit's account of equal draws
            # between tables that share only a total is not the whole truth (knowledge.py).
            raise ConfigError(
                _("profile {name}: the parameters contradict each other").format(name=self.id),
                hint=_("D is 1 to 20, k at least D + 2, V at most D squared, the width at most k - 1 + D"),
            )

    @property
    def highest_withheld(self) -> int:
        """Largest true count that the threshold alone can have withheld: k - 1 + D."""
        return self.threshold - 1 + self.reach

    @property
    def lowest_shown(self) -> int:
        """Smallest true count behind a figure that reaches the threshold: k - D, and never a true zero."""
        return max(1, self.threshold - self.reach)

    @property
    def parameters(self) -> Mapping[str, int]:
        """What a statement tells about the method."""
        return MappingProxyType(
            {
                "D": self.reach,
                "V": self.variance,
                "k": self.threshold,
                "width": self.width,
                "decoy_bits": self.decoy_bits,
            }
        )


PEER: Final = Profile(id="peer", reach=3, variance=1, threshold=5, width=5)
PUBLIC: Final = Profile(id="public", reach=5, variance=2, threshold=11, width=11)
PROFILES: Final[Mapping[str, Profile]] = MappingProxyType({profile.id: profile for profile in (PEER, PUBLIC)})
