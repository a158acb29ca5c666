"""Write ``tallystick/config/data/country_names.json`` from Unicode CLDR's country names, as babel carries them.

Run with the dev extra installed: ``python scripts/country_names.py``. The file is shipped so that babel need not be.
"""

import json
from importlib.metadata import version
from pathlib import Path

from babel import Locale

from tallystick.config.codes import country_alpha2_to_alpha3

LANGUAGES = ("en", "ru", "kk", "ky", "tg", "tr", "fa", "fa_AF", "ps", "uz", "uz_Cyrl", "az", "tk", "ur")
TARGET = Path(__file__).resolve().parents[1] / "tallystick" / "config" / "data" / "country_names.json"
LICENCE = (
    "Country names from Unicode CLDR. Copyright (c) 1991-2025 Unicode, Inc. Unicode License V3 "
    "(https://www.unicode.org/license.txt): permission is granted, free of charge, to use, copy, modify, merge, "
    "publish, distribute and sell copies of the data files, provided that this notice appears with all copies or in "
    "associated documentation. The data files are provided 'as is', without warranty of any kind."
)


def main() -> None:
    """Write one line per language: alpha-3 to name."""
    known = country_alpha2_to_alpha3()
    names = {}
    for language in LANGUAGES:
        territories = Locale.parse(language).territories
        names[language] = {alpha3: territories[alpha2] for alpha2, alpha3 in known.items() if alpha2 in territories}
    lines = [
        f"    {json.dumps(language)}: {json.dumps(found, ensure_ascii=False)}" for language, found in names.items()
    ]
    head = {"licence": LICENCE, "source": f"babel {version('babel')}"}
    text = json.dumps(head, indent=2)[:-2] + ',\n  "names": {\n' + ",\n".join(lines) + "\n  }\n}\n"
    TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
