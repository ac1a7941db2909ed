"""What all tests share: a cache folder of the session's own, so that no test sees a user's generated modules."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

VARIABLE = "RMTCOLLAPSE_CACHE"

# Matrices in tests are small: threads cost more than they give, above all on a busy machine. NumPy is not loaded yet.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One cache folder for the session (Numba compiles once); that of the environment, where it names one."""
    with pytest.MonkeyPatch.context() as patch:
        if not os.environ.get(VARIABLE):
            base = tmp_path_factory.getbasetemp()
            parallel = "PYTEST_XDIST_WORKER" in os.environ  # then the processes share the folder above their own
            patch.setenv(VARIABLE, str((base.parent if parallel else base) / "cache"))
        yield os.environ[VARIABLE]
