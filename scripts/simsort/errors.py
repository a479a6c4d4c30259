"""The one-line errors users see."""


class UserError(Exception):
    """A mistake in what the user gave: reported as one line, exit status 2.

    Parameters
    ----------
    what : str
        What is wrong, naming the file or parameter.
    remedy : str
        What to do about it.
    """

    def __init__(self, what: str, remedy: str):
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}: {remedy}")

    def __reduce__(self):
        """Pickle, so that what a worker process raises arrives as itself."""
        return type(self), (self.what, self.remedy)


def one_line(error: BaseException) -> str:
    """Return the message of an exception folded onto one line, with its type unless it is a `UserError`."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
