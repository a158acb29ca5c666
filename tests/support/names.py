"""The operations that are struck, by name; read without loading what they need."""

DESK = (
    "case import",
    "case edit",
    "release draft",
    "release sign",
    "release refuse",
    "release publish",
    "release publish, second",
)
BORDER = (
    "peer pull, first",
    "peer pull, later",
    "roster apply, first",
    "roster apply, later",
    "peer add",
    "peer remove",
    "pack export",
)
OPERATIONS = (*DESK, *BORDER)
