"""The sample domain: candidates, the program they belong to, filters and score providers."""
