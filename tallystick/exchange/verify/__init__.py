"""The one verifier: whatever came from outside, by whatever road, goes through here before anything is kept.

Takes bytes, asks no clock, opens no file, knows no network, raises and never returns a bool; each rule is numbered in
the docstring of the function that enforces it. ``logview`` follows one state's log, ``logfiles`` authenticates every
tile and bundle, ``release`` checks one entry, ``slices`` what entries say together.
"""
