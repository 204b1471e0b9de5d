"""Codes: packed bits, union, decode, exact counts, and the families that make them."""

from relubloom.code.bits import Code
from relubloom.code.counting import (
    count_false_positives,
    false_positives_by_token,
    mean_false_positives,
)
from relubloom.code.decoders import comp, dd, scomp
from relubloom.code.disjunct import Disjunctness, is_disjunct
from relubloom.code.exchange import export_csv, import_csv
from relubloom.code.families import bernoulli, partitioned, random_constant_weight
from relubloom.code.greedy import greedy_low_overlap
from relubloom.code.kautz_singleton import (
    KautzSingleton,
    disjunct_code,
    kautz_singleton,
    shorten,
    smallest_kautz_singleton,
)
from relubloom.code.search import SearchResult, improve

__all__ = [
    "Code",
    "Disjunctness",
    "KautzSingleton",
    "SearchResult",
    "bernoulli",
    "comp",
    "count_false_positives",
    "dd",
    "disjunct_code",
    "export_csv",
    "false_positives_by_token",
    "greedy_low_overlap",
    "import_csv",
    "improve",
    "is_disjunct",
    "kautz_singleton",
    "mean_false_positives",
    "partitioned",
    "random_constant_weight",
    "scomp",
    "shorten",
    "smallest_kautz_singleton",
]
