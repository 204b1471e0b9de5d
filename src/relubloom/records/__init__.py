"""Result files as frozen dataclasses: names on disk, the verdict rule, reading and writing."""
