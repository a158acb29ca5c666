"""A catalogue of six of the shipped tables: what a desk does does not depend on how many tables its plan has."""

from functools import cache

from tallystick.config.catalogue import Catalogue, load_shipped

__all__ = ["six_tables"]

_SIX = ("VICTIMS", "VICTIMS_SEX", "VICTIMS_AGE", "VICTIMS_FORM", "VICTIMS_SEX_AGE", "VICTIMS_CORRIDOR")


@cache
def six_tables() -> Catalogue:
    """Return the shipped catalogue with four yearly tables, the placed one and the corridors."""
    shipped = load_shipped()
    return shipped.model_copy(update={"tables": tuple(table for table in shipped.tables if table.id in _SIX)})
