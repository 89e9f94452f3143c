"""The sub-commands, one module each: `add_arguments(parser)` and `run(arguments) -> exit code`.

A command module imports only the standard library at its top, and the rest when it runs, so that no command waits for
the imports of another.
"""
