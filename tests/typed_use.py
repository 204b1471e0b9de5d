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


def filter_of(rows: list[list[int]]) -> tuple[rb.Certificate, rb.GradedCode, list[int]]:
    code = rb.Code(rows)
    exact = rb.construct(code, sharpness=20.0)
    found = rb.decode_pools(code, [True, False], 1)
    return rb.certify(exact, 2), rb.extract_graded_code(exact, 2), list(found.positives)


def error_of(sizes: tuple[int, int, int]) -> float:
    return rb.best_constant_weight(*sizes, by="mse").mse


rb.best_constant_weight(8, "6", 2)  # pyright: ignore[reportArgumentType]
rb.trian()  # pyright: ignore[reportAttributeAccessIssue]
rb.study(vocab=8)  # pyright: ignore[reportCallIssue]
rb.train(rb.KSparseTask(8, 2), width="6")  # pyright: ignore[reportArgumentType]
