"""Who comes first is served first; who leaves does not hold up the others; a place is never lost."""

import threading
import time

import pytest

from service.assistant.fair_lock import FairLock
from service.errors import Busy
from service.web.admission import Admission, Limits, Permit


def never() -> bool:
    return False


def test_turns_come_in_the_order_of_asking_and_one_at_a_time() -> None:
    lock, served, inside = FairLock(), list[int](), list[int]()

    def take(number: int) -> None:
        with lock.acquire(never) as mine:
            assert mine
            inside.append(number)
            assert len(inside) == 1
            time.sleep(0.005)
            inside.remove(number)
            served.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(10)]
    with lock.acquire(never):
        for waiting, thread in enumerate(threads, start=1):
            thread.start()
            while len(lock._queue) <= waiting:
                time.sleep(0.001)
    for thread in threads:
        thread.join(5)
    assert served == list(range(10))


def test_who_leaves_while_waiting_is_told_and_forgotten() -> None:
    lock, left, told = FairLock(), threading.Event(), list[bool]()

    def take() -> None:
        with lock.acquire(left.is_set) as mine:
            told.append(mine)

    with lock.acquire(never):
        thread = threading.Thread(target=take)
        thread.start()
        left.set()
        thread.join(5)
        assert told == [False]
    with lock.acquire(never) as mine:
        assert mine


def test_an_error_gives_the_turn_on() -> None:
    lock = FairLock()
    with pytest.raises(ValueError, match="broken"), lock.acquire(never):
        raise ValueError("broken")
    with lock.acquire(never) as mine:
        assert mine


def test_places_are_given_while_there_are_any_then_the_next_kind_then_none() -> None:
    admission = Admission(Limits(model=2, quoted=1))
    wanted = (Permit.MODEL, Permit.QUOTED)
    given = [admission.acquire(*wanted) for _ in range(3)]
    assert given == [Permit.MODEL, Permit.MODEL, Permit.QUOTED]
    with pytest.raises(Busy, match="Ask again"):
        admission.acquire(*wanted)
    admission.release(Permit.MODEL)
    with pytest.raises(Busy):
        admission.acquire(Permit.QUOTED)
    assert admission.acquire(*wanted) is Permit.MODEL
