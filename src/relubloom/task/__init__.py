"""The k-sparse distribution task: set sources, files of sets, and sets to evaluate on."""

from relubloom.task.k_sparse import KSparseTask, as_sizes, format_sizes, hash_of, parse_sizes
from relubloom.task.sampling import GeneratorName
from relubloom.task.set_collections import AllSets, DrawnSets, ListedSets, SetCollection
from relubloom.task.set_like import SetsLike, all_ids, as_collection, as_ids, as_task
from relubloom.task.sets_file import SetsFile, read_sets

__all__ = [
    "AllSets",
    "DrawnSets",
    "GeneratorName",
    "KSparseTask",
    "ListedSets",
    "SetCollection",
    "SetsFile",
    "SetsLike",
    "all_ids",
    "as_collection",
    "as_ids",
    "as_sizes",
    "as_task",
    "format_sizes",
    "hash_of",
    "parse_sizes",
    "read_sets",
]
