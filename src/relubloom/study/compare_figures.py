"""The figures of a run folder that are worth holding beside another's, from its files alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relubloom import atomic
from relubloom.errors import FileError
from relubloom.network.weights_file import read_config

ROW = "row"  # figures of a row of study.json; they stand at the top level
FILES = ("behaviour", "mechanism", "interventions", "ladder", "certificate")


@dataclass(frozen=True)
class Figure:
    """A number in a file of evidence (`file`.json): its keys there, its words and its format.

    `group` is where it stands in a comparison: `ROW`, or the name of the file.
    """

    group: str
    file: str
    path: tuple[str, ...]
    title: str
    form: str

    @property
    def place(self) -> tuple[str, ...]:
        """Its keys in a comparison."""
        return self.path if self.group == ROW else (self.group, *self.path)


FIGURES = (
    Figure(ROW, "mechanism", ("verdict",), "verdict", ""),
    Figure(ROW, "behaviour", ("mse",), "mse", ".6f"),
    Figure(ROW, "behaviour", ("kl",), "kl", ".6f"),
    Figure(ROW, "behaviour", ("p_exact",), "exact sets", ".4%"),
    Figure(ROW, "mechanism", ("mode_gap",), "mode gap", ".2f"),
    Figure(ROW, "mechanism", ("two_valued",), "two exact values", ""),
    Figure(ROW, "mechanism", ("near_threshold",), "entries near threshold", ".2%"),
    Figure(ROW, "mechanism", ("bits_per_token", "mean"), "bits per token", ".2f"),
    Figure(ROW, "mechanism", ("bits_per_token", "sd"), "bits per token, sd", ".2f"),
    Figure(ROW, "mechanism", ("unit_agreement",), "units agree with union", ".2%"),
    Figure(ROW, "mechanism", ("extracted", "mse"), "mse of its hash", ".6f"),
    Figure(ROW, "mechanism", ("extracted", "kl"), "kl of its hash", ".6f"),
    Figure(ROW, "mechanism", ("extracted", "p_exact"), "exact sets of its hash", ".4%"),
    Figure(
        ROW, "mechanism", ("extracted", "loss_failure_f1"), "loss failures predicted, F1", ".3f"
    ),
    Figure(ROW, "mechanism", ("code_failure_share",), "sets where the hash fails", ".2%"),
    Figure(ROW, "mechanism", ("failures_explained",), "ranking failures inside", ".2%"),
    Figure(ROW, "mechanism", ("failures_explained_by_loss",), "loss failures inside", ".2%"),
    *(
        Figure("behaviour", "behaviour", path, title, form)
        for path, title, form in (
            (("ranking_failures",), "ranking failures", ".3%"),
            (("loss_failures",), "loss failures", ".3%"),
            (("miss_share",), "sets with a miss", ".3%"),
            (("false_positive_share",), "sets with a false positive", ".3%"),
            (("false_positives", "network_mean"), "false positives per set", ".4f"),
            (("false_positives", "code_mean"), "false positives, of its hash", ".4f"),
            (("false_positives", "correlation"), "these two, correlation", ".3f"),
            (("repeated_token", "same_calls"), "repeated token, same calls", ".2%"),
            (("growth", "kept_members"), "added token, members kept", ".2%"),
            (("growth", "kept_false_positives"), "added token, false positives kept", ".2%"),
            (("member_mass", "mean"), "mass on members", ".4f"),
            (("member_mass", "uniformity", "mean"), "uniformity of members", ".4f"),
            (("confusion", "correlation"), "confusions against hash", ".3f"),
        )
    ),
    *(
        Figure("mechanism", "mechanism", path, title, form)
        for path, title, form in (
            (("hash_weight", "variance_ratio"), "hash weight, variance to binomial", ".3f"),
            (("overlaps", "sd_ratio"), "overlaps, sd to random", ".3f"),
            (("unit_and_union", "covered_on"), "covered and on", ".3%"),
            (("unit_and_union", "uncovered_off"), "not covered and off", ".3%"),
            (("readout", "r2"), "logit on missing bits, R2", ".4f"),
            (("readout", "slope"), "logit per missing bit", ".3f"),
            (("readout", "W_out", "correlation"), "W_out against hash", ".3f"),
            (("constant_units",), "constant units", "d"),
        )
    ),
    Figure("certificate", "certificate", ("exact_sets",), "exact sets, certified", ",d"),
)


def read_figures(folder: Path) -> dict[str, Any]:
    """What a run folder's files say; null for what does not stand there.

    Keys: `dir`, `seed`, `task`, `recipe`, `construction`, `network`; the figures of a row of
    `study.json`; `behaviour`, `mechanism`, `certificate` with the further figures of `FIGURES`, by
    their keys in the file; `interventions` (by name: f1, exact_match, control_f1, explained_f1) and
    `ladder` (by name of each explanation: bits, mse, log_gap_closed, loss_failures_f1,
    ranking_failures_f1). Each of these five is null where the file is absent.

    Raises:
        FileError: `config.json` is missing, or a file is damaged.
    """
    config = read_config(folder)
    files = {name: _object(folder / f"{name}.json") for name in FILES}
    origin = ("seed", "task", "recipe", "construction", "network")
    found: dict[str, Any] = {"dir": str(folder)} | {name: config.get(name) for name in origin}
    found |= {name: None if files[name] is None else {} for name in FILES}
    for figure in FIGURES:
        if figure.group == ROW or found[figure.group] is not None:
            _put(found, figure.place, value_at(files[figure.file], figure.path))
    if (interventions := files["interventions"]) is not None:
        found["interventions"] = _interventions(interventions)
    if (ladder := files["ladder"]) is not None:
        found["ladder"] = _explanations(ladder)
    return found


def value_at(document: Any, path: tuple[str, ...]) -> Any:
    """The value at nested keys; None where one is missing."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _put(inside: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        inside = inside.setdefault(key, {})
    inside[path[-1]] = value


def _object(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    found = atomic.read_json(path)
    if not isinstance(found, dict):
        raise FileError(f"{path} holds no JSON object; restore or remake it")
    return found


def _interventions(document: dict[str, Any]) -> dict[str, Any]:
    return {
        str(value_at(each, ("name",))): {
            "f1": value_at(each, ("f1",)),
            "exact_match": value_at(each, ("exact_match",)),
            "control_f1": value_at(each, ("control", "f1")),
            "explained_f1": value_at(each, ("explained", "f1")),
        }
        for each in document.get("interventions") or []
    }


def _explanations(document: dict[str, Any]) -> dict[str, Any]:
    return {
        str(value_at(rung, ("name",))): {
            "bits": value_at(rung, ("bits",)),
            "mse": value_at(rung, ("mse",)),
            "log_gap_closed": value_at(rung, ("log_gap_closed",)),
            "loss_failures_f1": value_at(rung, ("loss_failures", "f1")),
            "ranking_failures_f1": value_at(rung, ("ranking_failures", "f1")),
        }
        for rung in document.get("rungs") or []
        if value_at(rung, ("kind",)) == "explanation"
    }
