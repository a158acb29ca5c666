"""Who read whose identity: one line for every time an identity was opened for a person to see.

Trusted: as the register is. It tells an honest agency's supervisor what happened; whoever has the register key can
take lines out of it. It holds no searched name and no case number, only the record's number in the register, so that
nothing in it needs to be erased.
"""

from dataclasses import dataclass

__all__ = ["Access"]


@dataclass(frozen=True)
class Access:
    """One reading of identities.

    Attributes:
        at: When, RFC 3339.
        who: The operating system's user.
        action: ``show``, ``find`` or ``edit``.
        agency: Who reported the record, or empty where no single one was meant.
        number: The agency's case number as the register has it now, or empty.
        records: How many identities were opened.
    """

    at: str
    who: str
    action: str
    agency: str
    number: str
    records: int
