"""The article: its sections in their order, told of one study or run folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from relubloom.records.sweep_row import SweepRow
from relubloom.report.behaviour_section import behaviour_section
from relubloom.report.break_section import break_section
from relubloom.report.charts.drawing import Drawing
from relubloom.report.contents import Contents
from relubloom.report.film_section import film_section
from relubloom.report.hero_section import hero_section
from relubloom.report.matrix_section import matrix_section
from relubloom.report.mechanism_section import mechanism_section
from relubloom.report.networks_section import networks_section
from relubloom.report.parts import Section
from relubloom.report.proof_section import proof_section
from relubloom.report.subject import load_subject
from relubloom.report.width_section import width_section

SECTIONS = (
    hero_section,
    matrix_section,
    networks_section,
    behaviour_section,
    mechanism_section,
    break_section,
    proof_section,
    film_section,
)


@dataclass(frozen=True)
class Article:
    """The sections between the verdict and the foot, and the network's sizes."""

    sections: tuple[Section, ...]
    vocab_size: int
    width: int

    @property
    def drawings(self) -> list[Drawing]:
        """All figures, in their order."""
        return [drawing for section in self.sections for drawing in section.drawings]


def tell(contents: Contents, sweep: Sequence[SweepRow] = ()) -> Article:
    """Draw and word every section. Cost: the weights of a few networks, and a few seconds."""
    subject = load_subject(contents)
    told = [section(subject) for section in SECTIONS]
    sections = (*told, width_section(subject, sweep))
    return Article(sections, subject.vocab_size, subject.width)
