"""The error of what methods may not do."""

# The first refusal of the call or load that runs: it fails even where a bare `except` hides the error.
refusals = []
# Greater than 0 while a helper is loaded: a helper may look at its environment then, which is empty.
loading_helpers = 0


class NotAvailable(BaseException):
    """A method asked for something outside the interpreter. `except Exception` does not hide it."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        if not refusals:
            refusals.append(self)
