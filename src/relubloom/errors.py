"""The errors a user can cause, each with one line: the value received, the rule, the remedy."""


class RelubloomError(Exception):
    """Something the user can mend went wrong; the command line prints it and exits with 1."""

    exit_status = 1


class UsageError(RelubloomError, ValueError):
    """A value given in a call or on the command line breaks a rule; exit status 2."""

    exit_status = 2


class FileError(RelubloomError):
    """A file's content breaks a rule, or a file that is needed is not there; exit status 1."""


class StoppedError(RelubloomError):
    """The user stopped the work (Ctrl-C); what was done is on disk and can be resumed."""
