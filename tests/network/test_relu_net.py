"""The forward pass against a dense reference, hooks and the cache, stacks, and error texts."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from relubloom.errors import UsageError
from relubloom.network.relu_net import HOOK_NAMES, HookPoint, NetStack, ReluNet
from relubloom.network.weights_file import check_shapes


def random_net(
    vocab: int, width: int, seed: int = 0, dtype: torch.dtype = torch.float64
) -> ReluNet:
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=dtype)

    return ReluNet(normal(vocab, width), normal(width), normal(width, vocab), normal(vocab))


def dense(net: ReluNet, sets: Tensor) -> Tensor:
    """The definition, with the indicator made: how often each token stands in each set."""
    x = torch.zeros(len(sets), net.vocab_size + 1, dtype=net.W_in.dtype)
    x.scatter_add_(1, sets, torch.ones_like(sets, dtype=x.dtype))
    post = (x[:, :-1] @ net.W_in + net.b_in).clamp(min=0)
    return post @ net.W_out + net.b_out


@given(
    vocab=st.integers(1, 13),
    width=st.integers(1, 9),
    set_size=st.integers(0, 5),
    batch=st.integers(0, 6),
    seed=st.integers(0, 1000),
)
def test_agrees_with_the_dense_definition(
    vocab: int, width: int, set_size: int, batch: int, seed: int
) -> None:
    # Ids are drawn with repeats and padding: a repeated id counts twice, padding not at all.
    net = random_net(vocab, width, seed)
    generator = torch.Generator().manual_seed(seed)
    sets = torch.randint(0, vocab + 1, (batch, set_size), generator=generator)
    torch.testing.assert_close(net(sets), dense(net, sets), rtol=1e-13, atol=1e-13)


def tiny_net() -> ReluNet:
    return ReluNet(
        W_in=torch.tensor([[1.0, -1.0], [2.0, 0.5], [-4.0, 1.0]]),
        b_in=torch.tensor([1.0, 0.0]),
        W_out=torch.tensor([[1.0, 0.0, 2.0], [3.0, -1.0, 0.0]]),
        b_out=torch.tensor([0.0, 0.5, 0.0]),
    )


def test_three_tokens_two_units_by_hand() -> None:
    net = tiny_net()
    # {0, 1}: pre = (1+2+1, -1+.5) = (4, -.5), post (4, 0), logits (4, 0+.5, 8).
    # {1, 1}: token 1 counts twice: pre (5, 1), logits (5+3, -1+.5, 10).
    # {2}: pre (-3, 1), post (0, 1), logits (3, -.5, 0).
    # nothing but padding: pre (1, 0), logits (1, .5, 2).
    sets = torch.tensor([[0, 1], [1, 1], [2, 3], [3, 3]])
    expected = [[4.0, 0.5, 8.0], [8.0, -0.5, 10.0], [3.0, -0.5, 0.0], [1.0, 0.5, 2.0]]
    assert net(sets).tolist() == expected


def test_the_order_of_tokens_and_padding_does_not_matter() -> None:
    net = random_net(9, 5)
    one, other = torch.tensor([[1, 4, 9, 7, 9]]), torch.tensor([[9, 7, 1, 9, 4]])
    torch.testing.assert_close(net(one), net(other), rtol=1e-14, atol=1e-14)


def test_scaling_a_unit_in_and_out_changes_nothing() -> None:
    # ReLU is positively homogeneous: relu(8 x) / 8 = relu(x), exactly for a power of two.
    net = random_net(9, 5)
    scale = torch.tensor([8.0, 0.5, 2.0, 1.0, 0.25], dtype=torch.float64)
    scaled = ReluNet(net.W_in * scale, net.b_in * scale, net.W_out / scale[:, None], net.b_out)
    sets = torch.tensor([[0, 3, 5], [8, 8, 9]])
    assert torch.equal(scaled(sets), net(sets))


def test_the_cache_holds_what_the_forward_pass_went_through() -> None:
    net = tiny_net()
    sets = torch.tensor([[0, 1]])
    logits, cache = net.run_with_cache(sets)
    assert tuple(cache) == HOOK_NAMES
    assert torch.equal(cache["hook_in"], sets)
    assert cache["hook_pre"].tolist() == [[4.0, -0.5]]
    assert cache["hook_post"].tolist() == [[4.0, 0.0]]
    assert torch.equal(cache["hook_out"], logits)
    assert logits.requires_grad
    assert not any(value.requires_grad for value in cache.values())


@pytest.mark.parametrize(
    "wanted",
    [
        "hook_post",
        ["hook_post"],
        ("hook_post",),
        lambda name: name.endswith("post"),
    ],
    ids=["name", "list", "tuple", "function"],
)
def test_names_filter_chooses_what_is_cached(wanted: object) -> None:
    _, cache = tiny_net().run_with_cache(torch.tensor([[0, 1]]), names_filter=wanted)
    assert list(cache) == ["hook_post"]


def test_an_empty_filter_caches_nothing() -> None:
    assert tiny_net().run_with_cache(torch.tensor([[0, 1]]), names_filter=[])[1] == {}


def test_a_hook_replaces_an_activation() -> None:
    seen: list[str] = []

    def switch_off_first_unit(post: Tensor, hook: HookPoint) -> Tensor:
        seen.append(hook.name)
        return post * torch.tensor([0.0, 1.0])

    logits = tiny_net().run_with_hooks(
        torch.tensor([[0, 1]]), [("hook_post", switch_off_first_unit)]
    )
    assert logits.tolist() == [[0.0, 0.5, 0.0]]  # post (0, 0): b_out alone
    assert seen == ["hook_post"]


def test_hooks_reach_every_point_and_run_in_order() -> None:
    net, sets = tiny_net(), torch.tensor([[0, 1]])
    swapped = net.run_with_hooks(sets, [("hook_in", lambda ids, _: torch.tensor([[1, 1]]))])
    assert swapped.tolist() == [[8.0, -0.5, 10.0]]
    pre = net.run_with_hooks(sets, [("hook_pre", lambda pre, _: pre + 1)])
    assert pre.tolist() == [[5 + 1.5, -0.5 + 0.5, 10.0]]  # post (5, .5)
    out = net.run_with_hooks(
        sets, [("hook_out", lambda out, _: out + 1), ("hook_out", lambda out, _: out * 2)]
    )
    assert out.tolist() == [[10.0, 3.0, 18.0]]
    assert net(sets).tolist() == [[4.0, 0.5, 8.0]]  # nothing sticks


def test_a_hook_that_returns_nothing_changes_nothing() -> None:
    net, sets = tiny_net(), torch.tensor([[0, 1]])
    assert torch.equal(net.run_with_hooks(sets, [("hook_pre", lambda *_: None)]), net(sets))


def test_gradients_reach_the_parameters_through_padding() -> None:
    net = random_net(6, 4)
    sets = torch.tensor([[0, 2, 6], [5, 6, 6]])
    net(sets).square().sum().backward()
    twin = copy.deepcopy(net)
    twin.zero_grad()
    dense(twin, sets).square().sum().backward()
    for found, expected in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, rtol=1e-12, atol=1e-12)


def test_a_stack_gives_its_networks_as_copies() -> None:
    nets = [random_net(5, 3, seed) for seed in (1, 2)]
    named = {name: [dict(net.named_parameters())[name] for net in nets] for name in shapes_of()}
    stack = NetStack(**{name: torch.stack(values).detach() for name, values in named.items()})
    assert len(stack) == 2
    sets = torch.tensor([[0, 4]])
    for i, net in enumerate(nets):
        assert torch.equal(stack[i](sets), net(sets))
    first = stack[0]
    stack.W_in.zero_()
    assert torch.equal(first(sets), nets[0](sets))


def test_a_network_says_its_sizes() -> None:
    net = random_net(5, 3)
    assert (net.vocab_size, net.width) == (5, 3)
    assert repr(net) == "ReluNet(vocab_size=5, width=3)"


@pytest.mark.parametrize(
    ("sets", "text"),
    [
        (torch.tensor([[[0]]]), r"sets are int64 of shape \(1, 1, 1\): they must be int64 \[batch"),
        (torch.tensor([[0.0, 1.0]]), r"sets are float32 of shape \(1, 2\): they must be int64"),
        (torch.tensor([[0, 4]]), r"sets hold ids from 0 to 4: ids are 0 to 2 \(3 is padding\)"),
        (torch.tensor([[-1, 0]]), "sets hold ids from -1 to 0: ids are 0 to 2"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_sets_that_are_no_sets_are_refused(sets: Tensor, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        tiny_net()(sets)


def test_a_hook_on_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="no activation is called 'hook_mid'; hooks go on hook_in"):
        tiny_net().run_with_hooks(torch.tensor([[0]]), [("hook_mid", lambda *_: None)])


def shapes_of() -> dict[str, tuple[int, ...]]:
    return {"W_in": (5, 3), "b_in": (3,), "W_out": (3, 5), "b_out": (5,)}


@pytest.mark.parametrize(
    ("name", "shape", "text"),
    [
        ("W_in", (5,), r"W_in has shape \(5,\): it must be \[vocab, width\]"),
        ("W_in", (0, 3), r"W_in has shape \(0, 3\)"),
        ("b_in", (5,), r"b_in has shape \(5,\): beside W_in \(5, 3\) it must be \(3,\)"),
        ("W_out", (5, 3), r"W_out has shape \(5, 3\): beside W_in \(5, 3\) it must be \(3, 5\)"),
        ("b_out", (5, 1), r"b_out has shape \(5, 1\): .* give the four tensors of one network"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_shapes_that_do_not_fit_are_refused(name: str, shape: tuple[int, ...], text: str) -> None:
    shapes = shapes_of() | {name: shape}
    with pytest.raises(UsageError, match=text):
        check_shapes(shapes)
    with pytest.raises(UsageError, match=text):
        ReluNet(*(torch.zeros(shapes[each]) for each in shapes))
