"""Who computes with how many threads, and that the process is left as it was."""

import threading

import torch
from threadpoolctl import threadpool_info, threadpool_limits

from nearspace.learning.threads import FEW, SMALL_STEP, one_thread, side_by_side, threads_for


def blas():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_the_number_comes_of_the_arithmetic_alone():
    before = torch.get_num_threads()
    for ambient in (1, 2, 3):
        torch.set_num_threads(ambient)
        for flops, threads in ((0.0, 1), (SMALL_STEP / 2, 1), (SMALL_STEP, FEW), (1e12, FEW)):
            with one_thread(), threads_for(flops):
                assert torch.get_num_threads() == threads
            assert torch.get_num_threads() == ambient
    torch.set_num_threads(before)


def test_openblas_has_one_thread_until_the_last_has_left():
    inside, leave = threading.Event(), threading.Event()

    def stay():
        with one_thread():
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=stay)
    with threadpool_limits(2, user_api="blas"):
        with one_thread():
            other.start()
            assert inside.wait(10)
        assert blas() == {1}
        with one_thread():
            leave.set()
            other.join()
            assert blas() == {1}
        assert blas() == {2}


def test_parts_side_by_side_are_each_computed_with_one_thread(monkeypatch):
    parts = [torch.rand(200, 300, generator=torch.Generator().manual_seed(n)) for n in range(9)]
    made, before = [], torch.get_num_threads()
    for told in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", told)
        results = side_by_side(lambda part: (torch.get_num_threads(), part @ part.T), parts)
        made.append(list(results))
    assert torch.get_num_threads() == before
    for (one, alone), (other, beside) in zip(*made, strict=True):
        assert (one, other) == (1, 1)
        torch.testing.assert_close(alone, beside, rtol=0, atol=0)
