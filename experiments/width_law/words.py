"""What docs/results/width.md says of its own figures and columns."""

TITLE = """# The width law, measured

Made by `python experiments/width.py RESULTS` from the records of a sweep
(`relubloom sweep`). Every sentence that judges is chosen by the numbers beside it.
"""

INTRODUCTION = """## What was run

{networks:,} trained networks in {cells} cells (vocabulary, set size, objective, with or without the
ReLU, training sets).{aside}

N is the vocabulary, d the width, k the set size; mse is the squared error summed over tokens, mean
over sets: over all C(N, k) sets where the table says "all sets", else over drawn sets, with the
standard error of that sampling. Recipes:

{recipes}"""

LAW = """Every dot is a network (the seeds of a width stand side by side). On these axes an
exponential is a straight line and a power law bends upwards. Random code: the exact expected error
of the best random constant-weight code at infinite sharpness. Designed code: the best of a few
greedy and annealed codes made with bounded effort, by their exact number of false positives (at the
narrowest widths that is not the least mse); lines that leave at the foot go on below it, or to 0.
Random directions: linear superposition, as far as 20,000 pairs resolve it. Below the counting bound
no network with binary hidden units can be.
"""

FITS = """Weighted least squares on the mean ln error of each width. Left out are widths whose
median error is over half the uniform answer's, 1/k − 1/N, where no law can hold, and widths whose
error sampled sets do not resolve (relative standard error above 0.3). In brackets 95 % intervals
from resampling seeds; after "misfit" Student's interval from the scatter of the widths about the
line. Misfit: root mean square distance of the widths' means from the line, as a factor. Δ AICc:
power law less exponential, a point a width; positive favours the exponential, and 4 or more counts
as clear; with every network a point of its own ("runs") it is larger and overstates, since seeds
share a law's misfit. Shape: 1 is an exponential, 0 a power law. *Random code's curve*: a line in
the ln of the best random code's exact error, which has as many coefficients; its Δ AICc is the
exponential's less its own. The last columns are the fits of the two laws through those exact errors
themselves at the same widths: a finite range of widths bends them too.

Error that sets ranked wrongly cannot make is softness on sets ranked right, which training leaves
and a code does not have.
"""

RECIPES = """Where a size was trained by several recipes, the one of the most widths of its cell is
shown above (then the one with the most seeds, then the one that saw the most sets). Here they stand
side by side; "of the one shown" is the ratio of the median errors. Recipes that differ in the
number of steps only stand under "Are the steps enough?".
"""

SLOPES = """The fall of ln mse per unit of width between neighbouring widths, times k: level for an
exponential, falling as 1/d for a power law.
"""

PHASES = """A network has *binarised* when W_in has two modes (BIC) that are apart (gap above 2) and
at most 3 % of its entries lie near the threshold; its verdict asks for more (see the README).
Predicted beforehand: networks narrower than about 6 to 10 units per token of a set do not binarise,
and at k = 2 they need not to do well. Pale: widths whose median error is over half the uniform
answer's; what such networks hold is no code for the sets, and they count for no onset.
"""

TRAINING_POOL = """The same training, on a fixed number of distinct sets drawn once; errors are on
sets drawn afresh. Verdicts: bloom/partly/not-bloom.
"""
