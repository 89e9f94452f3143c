"""The sub-commands, one module each: `add_arguments(parser)` and `run(arguments) -> exit code`.

A command module imports only the standard library at its top: what it needs is imported when it runs, so that no
command pays for another.
"""
