"""What stays home: the register and its intake, counting, disclosure control, the desk, and making a home.

Nothing that faces peers imports any of it (contracts in ``pyproject.toml``; ``tests/architecture`` asserts it again).
"""
