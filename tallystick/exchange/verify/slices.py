"""A slice (table x period) is released once; a correction names what it supersedes.

Releasing a slice twice gives withheld cells back, so a second release that does not stand in line with the first is
not a mistake to be forgiven: both signed releases are kept as evidence.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from tallystick.config.errors import SplitViewError
from tallystick.config.i18n import _
from tallystick.exchange.verify.release import VerifiedRelease

__all__ = ["SliceRules", "Standing"]

Standing = Literal["first", "revision", "again"]
"""First release of a slice; the next revision of it; the very statement that stands already."""


@dataclass
class SliceRules:
    """What one state has released so far, by slice, in the order of its log.

    Attributes:
        issuer: Alpha-3.
        standing: The release in force of each ``(table id, period)``: revision, payload id, envelope.
    """

    issuer: str
    standing: dict[tuple[str, str], tuple[int, str, bytes]] = field(default_factory=dict)

    @classmethod
    def of(cls, issuer: str, releases: Iterable[VerifiedRelease]) -> "SliceRules":
        """Return the rules after these releases, which are in the order of the log."""
        rules = cls(issuer)
        for release in releases:
            rules.admit(release)
        return rules

    def admit(self, release: VerifiedRelease) -> Standing:
        """Take the next release of the log.

        1. A slice without a release takes revision 1, which supersedes nothing.
        2. A slice at revision n takes revision n + 1 if it supersedes the payload of revision n.
        3. The very statement that is in force may stand in the log again (another set of signatures); it changes
           nothing.

        Raises:
            SplitViewError: Anything else; the release in force and the new one are the evidence.
        """
        predicate = release.statement.predicate
        place = (predicate.table.id, predicate.slice.period)
        revision, identity, envelope = self.standing.get(place, (0, None, b""))
        if release.payload_id == identity:
            return "again"
        if predicate.revision != revision + 1 or predicate.supersedes != identity:
            raise SplitViewError(
                _("{state}: {table} {period} stands at revision {have}; entry {index} is revision {found}").format(
                    state=self.issuer,
                    table=place[0],
                    period=place[1],
                    have=revision,
                    index=release.index,
                    found=predicate.revision,
                ),
                evidence=tuple(one for one in (envelope, release.envelope) if one),
                hint=_("a slice is released once; a correction is the next revision and names what it supersedes"),
            )
        self.standing[place] = (predicate.revision, release.payload_id, release.envelope)
        return "first" if revision == 0 else "revision"
