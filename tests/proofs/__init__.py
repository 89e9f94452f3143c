"""Which test proves which property: what the requirements promise, what the marks of tests claim, what a run showed.

A test that alone proves a property, in one of the kinds that the requirements promise, is a *holder* of it and carries
`@pytest.mark.property(number, kind)`. Rules hold together what a Guard rule is to hold.
"""
