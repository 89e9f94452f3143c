"""One AWS concern per module: `add_x(template, ...)` adds its resources and returns what others refer to."""
