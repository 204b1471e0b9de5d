"""The k-sparse distribution task: set sources, files of sets, and sets to evaluate on."""

from relubloom.task.k_sparse import KSparseTask as KSparseTask
from relubloom.task.k_sparse import hash_of as hash_of
from relubloom.task.set_collections import AllSets as AllSets
from relubloom.task.set_collections import DrawnSets as DrawnSets
from relubloom.task.set_collections import ListedSets as ListedSets
from relubloom.task.set_collections import SetCollection as SetCollection
from relubloom.task.set_like import SetsLike as SetsLike
from relubloom.task.set_like import all_ids as all_ids
from relubloom.task.set_like import as_collection as as_collection
from relubloom.task.set_like import as_ids as as_ids
from relubloom.task.set_like import as_task as as_task
from relubloom.task.sets_file import SetsFile as SetsFile
from relubloom.task.sets_file import read_sets as read_sets
from relubloom.task.sizes import as_sizes as as_sizes
from relubloom.task.sizes import format_sizes as format_sizes
from relubloom.task.sizes import parse_sizes as parse_sizes
