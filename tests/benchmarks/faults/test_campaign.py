from benchmarks.faults.campaign import Outcome, Usage, summary


def test_the_summary_counts_cases_failures_and_losses_and_the_slowest_recovery() -> None:
    passed = Outcome("a lock", 0.4, 20, 0, 10.1, ())
    failed = Outcome("a kill", 17.2, 30, 2, 1.0, ("served after 17.2 s", "2 acknowledged labels are lost"))
    assert summary([passed, failed]) == {"cases": 2, "failed": 1, "lost": 2, "slowest_recovery_s": 17.2}


def test_memory_and_descriptors_that_are_not_given_back_are_noticed() -> None:
    before = Usage(num_bytes=2**30, num_descriptors=300)
    assert Usage(2**30 + 2**27, 310).is_like(before)
    assert not Usage(2 * 2**30, 300).is_like(before)
    assert not Usage(2**30, 700).is_like(before)
