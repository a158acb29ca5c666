"""tallystick: a federated node for reporting trafficking in persons across borders.

Cases stay home; only counts that were protected, signed by two officers and logged cross a border.
Importing this package loads nothing heavy; its rooms are ``proto``, ``config``, ``keys``, ``exchange``, ``node``
and ``cli``.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
