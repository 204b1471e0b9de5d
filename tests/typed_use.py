"""What a checker says of a user's script; `make check` reads it, nothing runs it."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

import relubloom as rb


def study_of(task: rb.KSparseTask) -> rb.StudyRecord | None:
    try:
        return rb.study(vocab_size=task.vocab_size, set_size=task.set_size, width=8, quick=True)
    except rb.UsageError:
        return None


def last_loss(net: rb.ReluNet, history: list[rb.HistoryRow]) -> float:
    return history[-1]["loss"] + float(net([[0, 1]]).sum())


rb.trian()  # pyright: ignore[reportAttributeAccessIssue]
rb.study(vocab=8)  # pyright: ignore[reportCallIssue]
rb.train(rb.KSparseTask(8, 2), width="6")  # pyright: ignore[reportArgumentType]
