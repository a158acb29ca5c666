"""Figures, not tests: each module prints ratios against a yardstick that it names and runs in the same process."""
