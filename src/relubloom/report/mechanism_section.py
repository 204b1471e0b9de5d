"""Section 6: how the network does it, seen from inside."""

from __future__ import annotations

from relubloom.report.code_part import hashes_part, readout_part
from relubloom.report.ladder_part import ladder_part
from relubloom.report.parts import Part, Section, absent
from relubloom.report.subject import Subject
from relubloom.report.units_part import union_part, units_part
from relubloom.report.verdict_rule_part import verdict_rule_part


def mechanism_section(subject: Subject) -> Section:
    """Units, union, readout, hashes, the ladder of explanations, and the rule of the verdict."""
    mechanism = subject.run.mechanism
    if mechanism is None:
        parts: tuple[Part, ...] = (absent("The folder holds no examination of its units."),)
    else:
        parts = (
            units_part(mechanism, subject.width),
            union_part(mechanism),
            readout_part(mechanism),
            hashes_part(mechanism),
        )
    ladder = ladder_part(subject.run.ladder)
    rule = verdict_rule_part(subject.contents)
    return Section("mechanism", "How it works inside", (*parts, ladder, rule), short="Mechanism")
