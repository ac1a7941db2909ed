"""The contract, for every model of the package."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(f"{__package__}.contract", f"{__package__}.refusals")

from .contract import *  # noqa: E402, F403
from .refusals import *  # noqa: E402, F403
