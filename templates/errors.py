"""The error of the generator."""


class ConfigError(ValueError):
    """A declaration or a handler's needs are wrong; the message says file, place, what is allowed and the cure."""
