"""AWS, as commands see it: the session, and a deployed workflow with its messages and executions."""
