"""Running many independent trials: threads by default, any executor on request, one BLAS thread each.

Every trial has a seed of its own, spawned from the seed of the run, so a result does not depend on the executor, on
the number of workers, or on the order in which they finish.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from rmtcollapse.errors import ParameterError

__all__ = ["default_executor", "run_all", "seed_sequence", "track"]

T = TypeVar("T")


def seed_sequence(seed: int | np.random.SeedSequence) -> np.random.SeedSequence:
    """A seed sequence from a non-negative integer (or one as it is).

    Raises
    ------
    ParameterError
        For anything else.
    """
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ParameterError("seed", seed, "an integer >= 0")
    return np.random.SeedSequence(int(seed))


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def default_executor(executor: Executor | None) -> Iterator[Executor]:
    """The given executor as it is (and left open), or a pool of threads, one a core."""
    if executor is not None:
        yield executor
        return
    with ThreadPoolExecutor(available_cores()) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def pinned(task: Callable[..., T], *arguments: Any) -> T:
    """Run `task` with one BLAS thread, in whichever process this is."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        return task(*arguments)


def run_all(executor: Executor, task: Callable[..., T], jobs: Sequence[tuple[Any, ...]]) -> list[T]:
    """Results of ``task(*job)`` for every job, in the order of the jobs; interrupting cancels what has not begun."""
    from threadpoolctl import threadpool_limits

    # Pinned here for threads (the limit is the process's), and again in the task for processes and clusters.
    with threadpool_limits(limits=1, user_api="blas"):
        call = task if isinstance(executor, ThreadPoolExecutor) else _Pinned(task)
        futures = [executor.submit(call, *job) for job in jobs]
        try:
            return [f.result() for f in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise


class _Pinned:
    """A picklable task that pins BLAS where it runs."""

    def __init__(self, task: Callable[..., Any]) -> None:
        self.task = task

    def __call__(self, *arguments: Any) -> Any:
        return pinned(self.task, *arguments)


@contextmanager
def track(description: str, total: int, show: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error that appears only where `show` is true; yields the function that advances it."""
    if not show:
        yield lambda steps: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        job = bar.add_task(description, total=total)
        yield lambda steps: bar.advance(job, steps)
