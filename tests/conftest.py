"""Every annotation of relubloom is checked as the tests run: shapes by jaxtyping, types by beartype."""

from jaxtyping import install_import_hook

install_import_hook("relubloom", "beartype.beartype")

import torch  # noqa: E402 - the hook comes first

torch.set_num_threads(1)  # tiny tensors: a second thread only waits for the first
