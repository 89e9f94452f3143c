"""The error of the generator."""


class ConfigError(ValueError):
    r"""A declaration or a handler's needs are wrong; the message says file, place, what is allowed and the cure.

    It is one line, whatever the texts in it hold: what is not printable is written as in Python, a line feed as `\n`.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in message))
