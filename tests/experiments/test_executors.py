"""Where trials run: order, interruption, BLAS threads and the progress bar."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from rmtcollapse.experiments.executors import (
    available_cores,
    default_executor,
    pinned,
    run_all,
    seed_sequence,
    track,
)


def blas_threads() -> list[int]:
    """Threads of each BLAS that this process has loaded."""
    return [int(pool["num_threads"]) for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_results_come_in_the_order_of_the_jobs() -> None:
    with ThreadPoolExecutor(4) as pool:
        assert run_all(pool, divmod, [(k, 7) for k in range(50)]) == [divmod(k, 7) for k in range(50)]
        assert run_all(pool, divmod, []) == []


def test_the_default_is_a_pool_that_is_closed_afterwards() -> None:
    with default_executor(None) as pool:
        assert isinstance(pool, ThreadPoolExecutor)
        assert pool.submit(abs, -2).result() == 2
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.submit(abs, -2)
    assert available_cores() >= 1


def test_a_given_executor_is_left_open() -> None:
    with ThreadPoolExecutor(1) as pool:
        with default_executor(pool) as same:
            assert same is pool
        assert pool.submit(abs, -2).result() == 2


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_an_interruption_cancels_what_has_not_begun(stop: type[BaseException]) -> None:
    done: list[int] = []
    gate = threading.Event()

    def job(k: int) -> None:
        if k == 0:
            raise stop
        gate.wait(10)
        done.append(k)

    with ThreadPoolExecutor(1) as pool:
        # A first job occupies the only worker until all are queued.
        with pytest.raises(stop):
            run_all(pool, job, [(k,) for k in range(200)])
        gate.set()
    assert len(done) <= 1


def test_blas_uses_one_thread_while_trials_run() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))
    before = blas_threads()
    assert before, "no BLAS found to be limited"
    with ThreadPoolExecutor(2) as pool:
        seen = run_all(pool, blas_threads, [()] * 4)
    assert all(threads == 1 for found in seen for threads in found)
    assert blas_threads() == before
    assert pinned(blas_threads) == [1] * len(before)
    assert blas_threads() == before


def test_blas_uses_one_thread_in_other_processes() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        (seen,) = run_all(pool, threadpool_info, [()])
    threads = [pool["num_threads"] for pool in seen if pool["user_api"] == "blas"]
    assert threads
    assert set(threads) == {1}


def test_seed_sequences() -> None:
    given = np.random.SeedSequence(5)
    assert seed_sequence(given) is given
    assert seed_sequence(5).entropy == 5


def test_the_bar_advances_and_goes_to_standard_error(capfd: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with track("working", 3, show=False) as advance:
        advance(3)
    assert capfd.readouterr() == ("", "")
    with track("working", 3, show=True) as advance:
        advance(1)
        advance(2)
    out, shown = capfd.readouterr()
    assert out == ""
    assert "working" in shown
