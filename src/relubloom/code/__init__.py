"""Codes: packed bits, union, decode, exact counts, and the families that make them."""

from relubloom.code.bits import Code
from relubloom.code.counting import (
    count_false_positives,
    count_near_misses,
    false_positives_by_token,
    mean_false_positives,
)
from relubloom.code.decoders import comp, dd, scomp
from relubloom.code.disjunct import (
    Disjunctness,
    disjunct_code,
    is_disjunct,
    kautz_singleton,
    shorten,
)
from relubloom.code.exchange import export_csv, import_csv, import_graded_csv
from relubloom.code.families import (
    Family,
    bernoulli,
    greedy_low_overlap,
    make_code,
    partitioned,
    random_constant_weight,
    with_replacement,
)
from relubloom.code.frequency import FrequencyLaw, best_frequency_law, frequency_law
from relubloom.code.graded import GradedCode
from relubloom.code.graded_families import (
    GradedFamily,
    make_graded,
    random_graded,
    search_cyclic,
)
from relubloom.code.learned import LearnedCode, learn_code
from relubloom.code.pool_decoding import DecodedPools, decode_pools
from relubloom.code.pools import PoolDesign, design_pools
from relubloom.code.search import SearchResult, improve
from relubloom.code.worth import Worth, uniform_false_positives, worth_on

__all__ = [
    "Code",
    "DecodedPools",
    "Disjunctness",
    "Family",
    "FrequencyLaw",
    "GradedCode",
    "GradedFamily",
    "LearnedCode",
    "PoolDesign",
    "SearchResult",
    "Worth",
    "bernoulli",
    "best_frequency_law",
    "comp",
    "count_false_positives",
    "count_near_misses",
    "dd",
    "decode_pools",
    "design_pools",
    "disjunct_code",
    "export_csv",
    "false_positives_by_token",
    "frequency_law",
    "greedy_low_overlap",
    "import_csv",
    "import_graded_csv",
    "improve",
    "is_disjunct",
    "kautz_singleton",
    "learn_code",
    "make_code",
    "make_graded",
    "mean_false_positives",
    "partitioned",
    "random_constant_weight",
    "random_graded",
    "scomp",
    "search_cyclic",
    "shorten",
    "uniform_false_positives",
    "with_replacement",
    "worth_on",
]
