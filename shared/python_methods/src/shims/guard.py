"""The error of what methods may not do."""


class NotAvailable(BaseException):
    """A method asked for something outside the interpreter. `except Exception` does not hide it."""
