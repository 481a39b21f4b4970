"""The clock and what is scheduled by it."""

import pytest

from childproof.world import OUTBOX, ClockSettings, Job, Store

NOON = 1_767_614_400_000


def now(world):
    with world.transaction() as tx:
        return tx.now()


class TestClocks:
    def test_real_time_is_the_walls(self, store, wall):
        world = store.create("main")
        assert now(world) == NOON
        wall.at += 5000
        assert now(world) == NOON + 5000

    def test_real_time_from_a_start_passes_with_the_wall(self, store, wall):
        world = store.create("main", clock=ClockSettings(start=1000))
        assert now(world) == 1000
        wall.at += 5000
        assert now(world) == 6000

    def test_a_wall_that_is_set_back_stops_a_world_and_no_more(self, store, wall):
        world = store.create("main")
        wall.at -= 60_000
        assert now(world) == NOON

    def test_a_frozen_clock_stays(self, store, wall):
        world = store.create("main", clock=ClockSettings(run="frozen"))
        wall.at += 5000
        assert (now(world), now(world)) == (NOON, NOON)

    def test_a_stepping_clock_steps_with_each_call_and_not_within(self, store):
        world = store.create("main", clock=ClockSettings(start=0, run="step", step=250))
        with world.transaction() as tx:
            assert (tx.now(), tx.now()) == (0, 0)
        assert (now(world), now(world)) == (250, 500)

    def test_an_undone_call_takes_no_time(self, store):
        world = store.create("main", clock=ClockSettings(start=0, run="step"))
        with pytest.raises(ZeroDivisionError), world.transaction():
            raise ZeroDivisionError
        assert now(world) == 0

    @pytest.mark.parametrize("run", ["real", "frozen", "step"])
    def test_it_goes_on_after_a_restart_and_in_a_fork(self, path, wall, run):
        settings = ClockSettings(start=1000, run=run, step=10)
        with Store.open(path, wall=wall) as store:
            now(store.create("main", clock=settings))
            wall.at += 10
            store.fork("main", "try")
        with Store.open(path, wall=wall) as store:
            expected = 1000 if run == "frozen" else 1010
            assert now(store.world("main")) == expected
            assert now(store.world("try")) == expected
            assert store.world("main").clock == settings

    def test_setting_it_is_part_of_history(self, store):
        world = store.create("main", clock=ClockSettings(start=0, run="frozen"))
        now(world)
        world.set_clock(ClockSettings(start=99, run="frozen"))
        assert (now(world), now(store.fork("main", "before", at=1)), now(store.fork("main", "after"))) == (99, 0, 99)
        with world.view(at=1) as past:
            assert past.now() == 0

    def test_freezing_without_a_time_keeps_the_worlds(self, store):
        world = store.create("main", clock=ClockSettings(start=0, run="step", step=10))
        now(world)
        world.set_clock(ClockSettings(run="frozen"))
        assert now(world) == 10

    def test_an_undone_change_of_the_clock_is_undone(self, store):
        world = store.create("main", clock=ClockSettings(start=0, run="frozen"))
        with world.transaction() as tx, pytest.raises(ZeroDivisionError), tx.savepoint():
            tx.set_clock(ClockSettings(start=99, run="frozen"))
            raise ZeroDivisionError
        assert now(world) == 0

    def test_what_is_no_clock_is_refused(self):
        with pytest.raises(ValueError, match="sideways"):
            ClockSettings(run="sideways")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="negative"):
            ClockSettings(step=-1)


def due(world, at):
    with world.transaction() as tx:
        return [job.job for job in tx.due(at)]


class TestSchedule:
    def test_due_work_comes_in_order_of_time_then_of_scheduling(self, world):
        with world.transaction() as tx:
            for at, name in ((30, "late"), (10, "first"), (20, "second"), (20, "third")):
                tx.schedule(at, "s", name, {})
            assert [job.job for job in tx.due(20)] == ["first", "second", "third"]
        with world.transaction() as tx:
            tx.schedule(5, "s", "earliest", {})
            assert [job.job for job in tx.due(30)] == ["earliest", "first", "second", "third", "late"]
        assert due(world, 9) == ["earliest"]

    def test_a_job_has_what_it_was_given(self, world):
        with world.transaction() as tx:
            job_id = tx.schedule(10, "stripe", "retry", {"event": "evt_1"})
            assert tx.due(10) == [Job(job_id, 10, "stripe", "retry", {"event": "evt_1"})]

    def test_a_job_carries_the_call_that_asked_for_it(self, world):
        """And one of a file that knew nothing of that is read all the same."""
        with world.transaction() as tx:
            tx.call_id, tx.trace = "call_0123456789abcdef", "ab" * 16
            tx.schedule(10, "stripe", "retry", {})
            tx.put("_schedule", "job", "job_0_1", {"at": 5, "service": "stripe", "job": "old", "payload": {}})
        with world.transaction() as tx:
            old, new = tx.due(10)
            assert (new.trace, new.cause) == ("ab" * 16, "call_0123456789abcdef")
            assert (old.trace, old.cause) == ("", "")

    def test_mail_that_was_undone_is_not_counted(self, world):
        with world.transaction() as tx:
            tx.schedule(10, OUTBOX, "mail", {})
            with pytest.raises(ValueError, match="no"), tx.savepoint():
                tx.schedule(10, OUTBOX, "mail", {})
                raise ValueError("no")
            tx.schedule(10, "stripe", "retry", {})
            assert len(tx.outbox) == 1

    def test_what_is_done_is_gone_for_this_world_alone(self, store, world):
        with world.transaction() as tx:
            tx.schedule(10, "s", "job", {})
        fork = store.fork("main", "try")
        with world.transaction() as tx:
            tx.done(tx.due(10)[0].id)
            assert tx.due(10) == []
        assert (due(world, 10), due(fork, 10)) == ([], ["job"])

    def test_it_survives_a_restart(self, path, wall):
        with Store.open(path, wall=wall) as store, store.create("main").transaction() as tx:
            tx.schedule(10, "s", "kept", {})
            tx.done(tx.schedule(10, "s", "done", {}))
        with Store.open(path, wall=wall) as store:
            assert due(store.world("main"), 10) == ["kept"]

    def test_work_scheduled_in_an_undone_call_is_not_due(self, world):
        assert due(world, 10) == []
        with pytest.raises(ZeroDivisionError), world.transaction() as tx:
            tx.schedule(1, "s", "job", {})
            raise ZeroDivisionError
        assert due(world, 10) == []

    def test_scheduling_is_no_change_that_the_ledger_shows(self, world):
        with world.transaction() as tx:
            tx.schedule(1, "s", "job", {})
            assert tx.changes == ()


class TestTheEarliestJob:
    def test_it_is_the_first_that_is_due_whatever_was_scheduled_and_done(self, store):
        world = store.create("main", clock=ClockSettings(start=0, run="frozen"))
        with world.transaction() as tx:
            for at in (30, 10, 20, 10):
                tx.schedule(at, "s", "job", {})
            assert tx.earliest(9) is None
            assert tx.earliest(100).id == "job_1_2"
        seen = []
        for _ in range(5):
            with world.transaction() as tx:
                job = tx.earliest(25)
                assert job == next(iter(tx.due(25)), None)
                if job is not None:
                    seen.append(job.id)
                    tx.done(job.id)
                    assert tx.earliest(25) == next(iter(tx.due(25)), None)
        assert seen == ["job_1_2", "job_1_4", "job_1_3"]
