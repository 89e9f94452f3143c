"""The errors that end a command with a message instead of a traceback."""


class CommandError(Exception):
    """A command cannot continue; the message says where, what, what is allowed and the cure."""

    exit_code = 1


class UsageError(CommandError):
    """Wrong usage or configuration, or a check that could not be carried out."""

    exit_code = 2


class SetupError(CommandError):
    """The environment lacks something: AWS, credentials, a tool."""

    exit_code = 3
