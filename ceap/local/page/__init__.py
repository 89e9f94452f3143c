"""The page of a run: one HTML file that needs nothing else, made by pure functions from what the run left."""
