"""Section 10: error against width, where more than one width was studied."""

from __future__ import annotations

from relubloom.report.parts import Section, absent
from relubloom.report.subject import Subject


def width_section(subject: Subject) -> Section:
    """A plain sentence: a study holds one width."""
    sentence = (
        f"One width was studied here, {subject.width}, so no curve of error against width can be "
        f"drawn. `relubloom plan --vocab-size {subject.vocab_size} --set-size k --width d` says "
        "what theory expects of any other."
    )
    return Section("width", "Error against width", (absent(sentence),), short="Width")
