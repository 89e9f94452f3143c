"""Measures ceap against its anchors: whole processes, interleaved, medians and ratios."""
