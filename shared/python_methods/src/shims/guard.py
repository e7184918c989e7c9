"""The error that is raised when a method uses something that is not available to methods."""

# The first refusal during the current call or load, which then fails even if a bare `except` hides the error.
refusals = []
# Greater than 0 while a helper is loaded. Only then may it look at its environment, which is empty.
loading_helpers = 0


class NotAvailable(BaseException):
    """A method used something that is not available. `except Exception` does not catch this error."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        if not refusals:
            refusals.append(self)
