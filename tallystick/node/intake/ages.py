"""Age bands: the finest that a source supports, by SDMX's naming rule."""

__all__ = ["band_of", "coarse"]

_BANDS = (
    *((9, "Y0T8"), (18, "Y9T17"), (21, "Y18T20"), (24, "Y21T23"), (27, "Y24T26"), (30, "Y27T29")),
    *((39, "Y30T38"), (48, "Y39T47")),
)


def band_of(years: int) -> str:
    """Return the band of an age in whole years."""
    return next((band for below, band in _BANDS if years < below), "Y_GE48")


def coarse(band: str) -> str:
    """Fall back to 0-17 or 18+ where the source does not support more."""
    return "Y0T17" if band in {"Y0T8", "Y9T17"} else "Y_GE18"
