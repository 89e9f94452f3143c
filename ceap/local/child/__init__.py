"""What runs in a process of its own: the worker of a function, the process of a Glue job, what Glue provides."""
