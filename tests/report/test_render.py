"""The filters of the templates: escaping, labels, and what is absent."""

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from relubloom.report.render import environment, listed, marked_up, named


def test_words_are_escaped_before_they_are_marked_up() -> None:
    assert marked_up("a < b, `relubloom plan`, W_in") == Markup(
        "a &lt; b, <code>relubloom plan</code>, W<sub>in</sub>"
    )
    assert named("<b>") == '<bdi class="token">&lt;b&gt;</bdi>'
    assert named("x" * 41) == f'<bdi class="token">{"x" * 39}…</bdi>'
    assert listed(["<", "b", "c"]) == "&lt;, b and c"
    assert listed(["a"]) == "a"
    assert listed([]) == ""


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ x|figure }}, {{ x|percent(1) }}, {{ x|decimal }}, {{ x|count }}", "–, –, –, –"),
        ("{{ 1234|count }} {{ 0.5|percent(0) }} {{ 1|several('set') }}", "1,234 50 % 1 set"),
        ("{{ '<b>' }}{{ '<b>'|named }}", '&lt;b&gt;<bdi class="token">&lt;b&gt;</bdi>'),
    ],
)
def test_filters_write_numbers_dashes_and_labels(template: str, said: str) -> None:
    rendered = environment().from_string(template).render(x=None)
    assert rendered.replace("\u00a0", " ") == said


def test_a_variable_that_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        environment().from_string("{{ nothing }}").render()
