"""Questions to a network: what comes out and why."""

from pathlib import Path

import numpy as np
import pytest
import torch

from relubloom.code import Code, GradedCode
from relubloom.errors import UsageError
from relubloom.network.construct import construct
from relubloom.network.relu_net import ReluNet
from relubloom.study.query import FalsePositive, ask, code_of, token_id

LABELS = ("ant", "bee", "cat", "dog")


def forced() -> Code:
    """The union of ant (110) and bee (011) covers cat (101), and not dog (000 1)."""
    return Code(np.array([[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 1, 1]], dtype=bool))


def test_a_forced_false_positive_is_explained() -> None:
    answer = ask(construct(forced(), 20.0), forced(), LABELS, ["ant", "bee"])
    assert answer.members == ["ant", "bee"]
    assert answer.union == [0, 1, 2]
    assert answer.units_off == [0, 1, 2]
    assert answer.misses == []
    assert answer.false_positives == [
        FalsePositive("cat", called=True, covered=True, covered_by={0: ["ant"], 2: ["bee"]})
    ]
    top = [(each.token, each.member, each.missing_bits) for each in answer.top]
    assert top == [("ant", True, 0), ("bee", True, 0), ("cat", False, 0), ("dog", False, 1)]
    assert [each.probability for each in answer.top] == pytest.approx([1 / 3] * 3 + [0], abs=1e-8)
    assert [each.logit for each in answer.top] == pytest.approx([0, 0, 0, -20])


def test_a_set_without_false_positives_has_none() -> None:
    answer = ask(construct(forced(), 20.0), forced(), LABELS, ["dog"])
    assert answer.false_positives == []
    assert answer.union == [2, 3]


def test_the_network_and_the_code_may_disagree() -> None:
    # The network always answers dog, whatever goes in; the code covers cat.
    net = ReluNet(
        torch.zeros(4, 4), torch.zeros(4), torch.zeros(4, 4), torch.tensor([0.0, 0.0, 0.0, 9.0])
    )
    answer = ask(net, forced(), LABELS, ["ant", "bee"])
    assert answer.misses == ["ant", "bee"]
    assert answer.false_positives == [
        FalsePositive("dog", called=True, covered=False, covered_by={2: ["bee"], 3: []}),
        FalsePositive("cat", called=False, covered=True, covered_by={0: ["ant"], 2: ["bee"]}),
    ]


def test_at_least_ten_tokens_are_shown_where_there_are() -> None:
    code = Code(np.eye(15, dtype=bool))
    labels = tuple(map(str, range(15)))
    assert len(ask(construct(code), code, labels, ["3"]).top) == 10
    twelve = [str(i) for i in range(12)]
    assert [each.token for each in ask(construct(code), code, labels, twelve).top] == twelve


def test_tokens_go_by_label_or_id() -> None:
    assert token_id("cat", LABELS) == 2
    assert token_id("3", LABELS) == 3
    assert token_id("1", ("1", "0")) == 0  # a label comes before an id


@pytest.mark.parametrize("token", ["emu", "4", "-1", "", "1.0", "Cat"])
def test_an_unknown_token_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match=r"is not in the vocabulary of 4 tokens \(ant ... dog\)"):
        token_id(token, LABELS)


def test_a_label_in_other_letters_is_named() -> None:
    with pytest.raises(UsageError, match=r"give 'cat', another label or an id from 0 to 3$"):
        token_id("Cat", LABELS)


@pytest.mark.parametrize("tokens", [["ant", "ant"], ["ant", "0"]])
def test_a_token_twice_is_refused(tokens: list[str]) -> None:
    with pytest.raises(UsageError, match="token 'ant' is given twice; a set holds a token once"):
        ask(construct(forced()), forced(), LABELS, tokens)


def test_half_bits_are_explained_by_the_states_of_their_units() -> None:
    # Unit 0: ant has a half bit alone, so it leaks. Unit 1: ant and bee have half bits: covered.
    # cat asks for a half bit in unit 0, which is there; dog for a full one, which is not.
    code = GradedCode(np.array([[1, 1, 2], [0, 1, 0], [1, 2, 0], [2, 0, 0], [0, 0, 1]]))
    answer = ask(construct(code, 20.0), code, (*LABELS, "eel"), ["ant", "bee"])
    assert (answer.union, answer.leaking, answer.units_off) == ([0, 1, 2], [0], [1, 2])
    assert answer.false_positives == [
        FalsePositive(
            "eel",
            called=True,
            covered=True,
            covered_by={2: ["ant"]},
            half_bits=[2],
            states={2: "covered"},
        ),
        FalsePositive(
            "cat",
            called=True,
            covered=True,
            covered_by={0: ["ant"], 1: ["ant", "bee"]},
            half_bits=[0],
            states={0: "leaking", 1: "covered"},
        ),
    ]
    dog = ask(construct(code, 20.0), code, (*LABELS, "eel"), ["bee"]).top
    missing = {each.token: (each.missing_bits, each.missing_half_bits) for each in dog}
    assert missing == {"ant": (2, 1), "bee": (0, 0), "cat": (2, 1), "dog": (1, 0), "eel": (1, 1)}


def test_the_code_comes_from_the_folder_or_from_the_network(tmp_path: Path) -> None:
    code = GradedCode(np.array([[1, 0, 2], [0, 1, 0], [1, 2, 0], [2, 0, 0]]))
    net = construct(code)
    net.save_pretrained(tmp_path)
    assert code_of(tmp_path, net, 2) == code
    written = GradedCode(np.array([[2, 0, 2], [0, 1, 0], [1, 2, 0], [2, 0, 0]]))
    written.save(tmp_path / "code.npz")
    assert code_of(tmp_path, net, 2) == written
