"""The attack on files and command lines, as code: `make fuzz`, and twenty seconds of the suite."""
