"""What crosses the border, byte for byte: parsers and writers without I/O, clock or network.

``merkle``, ``tiles`` and ``checkpoint`` are C2SP's transparency log formats, ``sdmxcsv`` a table's figures,
``statement`` what the officers sign, ``tlogproof`` the receipt, ``policy`` what a C2SP verifier is told.
Every parser has a limit with a unit, and accepts one spelling of a value only.
"""
