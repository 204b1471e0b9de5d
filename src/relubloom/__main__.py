"""`python -m relubloom` is the command `relubloom`."""

from relubloom.cli import main

if __name__ == "__main__":
    main()
