"""Measurements of the sample: its stages against the same ones written with `json`, and their capacity."""
