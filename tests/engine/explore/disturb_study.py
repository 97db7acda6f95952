#!/usr/bin/python3
"""What people and clusters do to running studies: signals, limits, locks, full disks, other inputs.

Usage: disturb_study.py RIDGELINE [CASE...]
"""
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
from study_harness import (Bench, columns, differences, processes, rank_of, status, wait_until)

PROGRAM = sys.argv[1]
# Evaluations that take longer than anybody wants to wait for a signal to be obeyed.
LONG = "seconds=30"
SHORT = "seconds=0.01,spread=5"
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def running(bench, output, count):
    """Waits until so many ranks have made their way into the work."""
    wait_until(lambda: len(processes(bench.program, bench.path(output))) >= count
               and bench.path(output + ".d/manifest.json").exists(), 20, "the start")
    time.sleep(0.7)


def end(process, timeout):
    try:
        return process.communicate(timeout=timeout)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError("did not end in time:\n" + process.communicate()[0])


def expect_same_as_alone(bench, output, synthetic, **how):
    code, text = bench.run("alone.h5", "--force", synthetic=synthetic)
    assert code == 0, text
    code, text = bench.run(output, "--resume", synthetic=synthetic, **how)
    assert code == 0, text
    wrong = differences(columns(bench.path("alone.h5")), columns(bench.path(output)))
    assert not wrong, wrong


@case
def checkpoint_signal_makes_everything_durable_and_goes_on():
    with Bench(PROGRAM) as bench:
        # The first evaluations are short, so that there is something to keep.
        process = bench.start("s.h5", "--verbose", "--checkpoint-every", 0, ranks=2,
                              synthetic="seconds=0.4,spread=40")
        running(bench, "s.h5", 2)
        time.sleep(1.5)
        begun = time.monotonic()
        process.send_signal(signal.SIGUSR1)
        folder = bench.path("s.h5.d")
        wait_until(lambda: len(list(folder.glob("*.snapshot.h5"))) == 2, 2, "both snapshots")
        print(f"  both snapshots after {time.monotonic() - begun:.2f} s")
        time.sleep(0.5)
        assert process.poll() is None, "it goes on"
        for snapshot in folder.glob("*.snapshot.h5"):
            with h5py.File(snapshot) as file:
                assert len(file["candidates/id"]) > 0
                assert len(file["pareto/candidate"]) == len(file["candidates/id"])
        process.send_signal(signal.SIGUSR2)
        text = end(process, 10)
        assert "checkpoint" in text, text


def stops(send, ranks=2, options=(), codes=(75,)):
    with Bench(PROGRAM) as bench:
        process = bench.start("s.h5", *options, ranks=ranks, synthetic=LONG)
        running(bench, "s.h5", max(1, ranks))
        begun = time.monotonic()
        send(process)
        wait_until(lambda: not processes(bench.program, bench.path("s.h5")), 20, "the end")
        took = time.monotonic() - begun
        print(f"  all ranks gone after {took:.2f} s")
        text = end(process, 20)
        gone = time.monotonic() - begun
        assert took < 2, f"took {took} s:\n{text}"
        # The launcher's own time counts for people too.
        assert gone < 2, f"the launcher took {gone} s:\n{text}"
        assert process.returncode in codes, f"code {process.returncode}:\n{text}"
        assert "--resume" in text, text
        # Resumable, by what is left: with evaluations that end.
        expect_same_as_alone(bench, "s.h5", SHORT)


@case
def usr2_stops_within_two_seconds_while_long_evaluations_run():
    stops(lambda process: process.send_signal(signal.SIGUSR2))
    stops(lambda process: process.send_signal(signal.SIGUSR2), ranks=0)


@case
def term_stops_within_two_seconds_while_long_evaluations_run():
    # mpirun itself ends with 1 or 143 when it is sent SIGTERM, whatever the ranks say.
    stops(lambda process: process.send_signal(signal.SIGTERM), codes=(75, 1, 143))
    stops(lambda process: process.send_signal(signal.SIGTERM), ranks=0)
    stops(lambda process: process.send_signal(signal.SIGINT), ranks=0)


@case
def the_exit_code_gets_past_a_launcher_that_always_says_0():
    with Bench(PROGRAM) as bench:
        told = bench.path("code")
        for options, expected in ((("--max-evaluations", 5), 75), (("--resume",), 0),
                                  ((), 3), (("--resume", "--force"), 2)):
            told.write_text("of an earlier run")
            bench.run("s.h5", *options, "--exit-code-file", told, ranks=2, recovery=True,
                      synthetic="")
            assert told.read_text().strip() == str(expected), (options, told.read_text())


@case
def a_signal_to_one_worker_alone_stops_all():
    with Bench(PROGRAM) as bench:
        process = bench.start("s.h5", ranks=2, synthetic=LONG)
        running(bench, "s.h5", 2)
        worker = next(pid for pid in processes(bench.program, bench.path("s.h5"))
                      if rank_of(pid) == 1)
        os.kill(worker, signal.SIGUSR2)
        text = end(process, 4)
        assert process.returncode == 75, text


@case
def the_time_limit_stops_within_two_seconds_of_it():
    for ranks in (0, 2):
        with Bench(PROGRAM) as bench:
            process = bench.start("s.h5", "--time-limit", 2, ranks=ranks, synthetic=LONG)
            wait_until(lambda: bench.path("s.h5.d/manifest.json").exists(), 20, "the start")
            begun = time.monotonic()
            wait_until(lambda: not processes(bench.program, bench.path("s.h5")), 20, "the end")
            took = time.monotonic() - begun
            text = end(process, 20)
            print(f"  all ranks gone {took:.2f} s after the start")
            assert process.returncode == 75, text
            assert 1.5 < took < 4, took


@case
def max_evaluations_stops_after_so_many_and_can_be_repeated():
    with Bench(PROGRAM, values=4) as bench:
        code, text = bench.run("alone.h5", synthetic="")
        assert code == 0, text
        known = 0
        for _ in range(50):
            code, text = bench.run("s.h5", "--resume", "--max-evaluations", 15, ranks=2,
                                   synthetic="")
            if code == 0:
                break
            assert code == 75, text
            with h5py.File(bench.path("s.h5")) as file:
                evaluated = int(np.sum(file["candidates/status"][()] != 2))
            assert evaluated == known + 15, (evaluated, known)
            known = evaluated
        assert code == 0 and known > 0
        wrong = differences(columns(bench.path("alone.h5")), columns(bench.path("s.h5")))
        assert not wrong, wrong


@case
def a_stopped_study_leaves_a_file_that_says_so():
    with Bench(PROGRAM) as bench:
        code, text = bench.run("s.h5", "--max-evaluations", 20, synthetic="")
        assert code == 75, text
        assert status(bench.path("s.h5")) == "stopped"
        assert bench.path("s.h5.d").is_dir()
        code, text = bench.run("s.h5", synthetic="")
        assert code == 3 and "--resume" in text, text
        code, text = bench.run("s.h5", "--resume", "--keep", synthetic="")
        assert code == 0 and status(bench.path("s.h5")) == "complete", text
        assert list(bench.path("s.h5.d").glob("*.journal"))
        code, text = bench.run("s.h5", "--resume", synthetic="")
        assert code == 0 and "complete already" in text, text
        assert not bench.path("s.h5.d").exists()


@case
def the_second_of_two_runs_waits_or_is_refused():
    with Bench(PROGRAM) as bench:
        first = bench.start("s.h5", ranks=2, synthetic="seconds=0.05")
        running(bench, "s.h5", 2)
        code, text = bench.run("s.h5", "--resume", "--lock-wait", 0.3, ranks=2,
                               synthetic="seconds=0.05")
        assert code == 74 and "another run" in text and "process" in text, text
        # One that waits long enough finds the work done.
        code, text = bench.run("s.h5", "--resume", "--lock-wait", 60, synthetic="seconds=0.05")
        assert code == 0 and "complete already" in text, text
        assert first.wait(10) == 0, end(first, 1)
        assert not bench.path("s.h5.d").exists()


@case
def a_resume_waits_for_ranks_that_outlive_their_launcher():
    with Bench(PROGRAM) as bench:
        first = bench.start("s.h5", ranks=2, synthetic=SHORT.replace("0.01", "0.05"))
        running(bench, "s.h5", 2)
        ranks = processes(bench.program, bench.path("s.h5"))
        # Neither mpirun nor the ranks notice what happens to the others.
        for pid in [first.pid] + ranks:
            os.kill(pid, signal.SIGSTOP)
        code, text = bench.run("s.h5", "--resume", "--lock-wait", 0.5, synthetic=SHORT.replace(
            "0.01", "0.05"))
        assert code == 74 and "another run" in text, text
        # The worker alone still holds it.
        master = next(pid for pid in ranks if rank_of(pid) == 0)
        os.kill(master, signal.SIGKILL)
        time.sleep(0.1)
        code, text = bench.run("s.h5", "--resume", "--lock-wait", 0.5, synthetic=SHORT.replace(
            "0.01", "0.05"))
        assert code == 74 and "earlier run" in text, text
        for pid in ranks:
            if pid != master:
                os.kill(pid, signal.SIGKILL)
        first.kill()
        first.communicate()
        expect_same_as_alone(bench, "s.h5", SHORT.replace("0.01", "0.05"))


@case
def a_lock_of_the_dead_stops_nobody():
    with Bench(PROGRAM) as bench:
        process = bench.start("s.h5", synthetic=SHORT)
        running(bench, "s.h5", 1)
        process.kill()
        process.communicate()
        assert bench.path("s.h5.d/lock").exists()
        expect_same_as_alone(bench, "s.h5", SHORT)


@case
def changed_inputs_are_refused_and_named():
    with Bench(PROGRAM) as bench:
        code, text = bench.run("s.h5", "--max-evaluations", 20, synthetic="")
        assert code == 75, text
        accelerator = bench.path("accelerator.yaml")
        before = accelerator.read_text()
        accelerator.write_text(before.replace("unit_area: 0.000777", "unit_area: 0.000778"))
        assert accelerator.read_text() != before
        code, text = bench.run("s.h5", "--resume", synthetic="", ranks=2)
        assert code == 3 and "accelerator" in text and text.count("ridgeline:") == 1, text
        accelerator.write_text(before)
        code, text = bench.run("s.h5", "--resume", "--no-prune", synthetic="")
        assert code == 3 and "--no-prune" in text, text
        bench.write_study("exhaustive", values=7)
        code, text = bench.run("s.h5", "--resume", synthetic="")
        assert code == 3 and "study" in text, text
        bench.write_study()
        expect_same_as_alone(bench, "s.h5", "")


@case
def a_study_file_of_another_study_is_left_alone():
    with Bench(PROGRAM) as bench:
        code, text = bench.run("s.h5", synthetic="")
        assert code == 0, text
        kept = bench.path("s.h5").read_bytes()
        bench.write_study("exhaustive", values=5)
        for options in ((), ("--resume",)):
            code, text = bench.run("s.h5", *options, synthetic="")
            assert code == 3, text
            assert bench.path("s.h5").read_bytes() == kept
            assert not bench.path("s.h5.d").exists()
        code, text = bench.run("s.h5", "--force", synthetic="")
        assert code == 0 and bench.path("s.h5").read_bytes() != kept, text


@case
def a_damaged_journal_is_evaluated_again():
    with Bench(PROGRAM) as bench:
        code, text = bench.run("s.h5", "--max-evaluations", 60, synthetic="")
        assert code == 75, text
        journal = next(bench.path("s.h5.d").glob("*.journal"))
        content = bytearray(journal.read_bytes())
        content[len(content) // 2] ^= 0x40
        journal.write_bytes(content)
        code, text = bench.run("s.h5", "--resume", "--max-evaluations", 1, synthetic="")
        assert "damaged" in text, text
        expect_same_as_alone(bench, "s.h5", "")


@case
def a_full_disk_ends_with_74_and_can_be_resumed():
    for ranks in (0, 2):
        with Bench(PROGRAM) as bench:
            # No file of the ranks may grow beyond 4 KiB: what a full disk does to journals.
            limit = ["bash", "-c", 'ulimit -f 4; exec "$@"', "bash"]
            command = bench.command("s.h5", ranks=ranks)
            at = command.index(str(bench.program))
            environment = bench.environment("")
            environment["OMPI_MCA_btl"] = "self,tcp"  # no files for shared memory
            done = subprocess.run(command[:at] + limit + command[at:], cwd=bench.folder,
                                  timeout=60, env=environment, capture_output=True, text=True)
            text = done.stdout + done.stderr
            assert done.returncode == 74, f"{done.returncode}: {text}"
            assert "File too large" in text, text
            expect_same_as_alone(bench, "s.h5", "")


@case
def a_missing_or_read_only_folder_ends_with_74():
    with Bench(PROGRAM) as bench:
        for ranks in (0, 2):
            code, text = bench.run("missing/s.h5", synthetic="", ranks=ranks)
            assert code == 74 and "missing" in text and text.count("ridgeline:") == 1, text
        code, text = bench.run("workload.yaml/s.h5", synthetic="")
        assert code == 74, text
        if os.geteuid() == 0:
            # The superuser may write everywhere but here.
            code, text = bench.run("/proc/s.h5", synthetic="")
            assert code == 74, text
        else:
            bench.path("closed").mkdir(mode=0o500)
            code, text = bench.run("closed/s.h5", synthetic="")
            assert code == 74, text


@case
def spaces_of_no_design_or_too_many_are_refused():
    with Bench(PROGRAM) as bench:
        bench.write_study(condition="rows > 1000")
        code, text = bench.run("s.h5", synthetic="")
        assert code == 3 and "where" in text, text
        many = ", ".join(str(i) for i in range(1, 10001))
        bench.study.write_text(bench.study.read_text().replace("4, 8, 12, 16, 20, 24, 28, 32", many)
                               .replace("rows > 1000", "rows > 0")
                               .replace("[0.01, 0.02, 0.04, 0.08, 0.1, 0.12]", f"[{many}]"))
        code, text = bench.run("s.h5", synthetic="")
        assert code == 3 and "1000000000000" in text.replace(",", ""), text
        # A strategy that samples takes it.
        bench.study.write_text(bench.study.read_text().replace(
            "{kind: exhaustive}", "{kind: random, samples: 50}"))
        code, text = bench.run("s.h5", "--no-prune", synthetic="")
        assert code == 0, text


@case
def a_bad_parameter_path_is_refused():
    with Bench(PROGRAM) as bench:
        bench.study.write_text(bench.study.read_text().replace("unit_energy", "unit_enrgy"))
        code, text = bench.run("s.h5", synthetic="")
        assert code == 3 and "unit_enrgy" in text, text


@case
def a_design_that_throws_is_recorded_and_the_study_goes_on():
    with Bench(PROGRAM) as bench:
        code, text = bench.run("s.h5", "--no-prune", ranks=2, synthetic="throw=17,throw=40")
        assert code == 0, text
        with h5py.File(bench.path("s.h5")) as file:
            states = file["candidates/status"][()]
            ids = file["candidates/id"][()]
            assert sorted(ids[states == 3]) == [17, 40]
            message = file["candidates/message"][int(np.flatnonzero(ids == 17)[0])]
            assert b"throws" in message


@case
def a_study_without_a_feasible_design_ends_with_4():
    with Bench(PROGRAM) as bench:
        code, text = bench.run("s.h5", synthetic="infeasible=1")
        assert code == 4, text
        assert status(bench.path("s.h5")) == "complete"


def only_the_killer_is_left_out(path):
    with h5py.File(path) as file:
        states = file["candidates/status"][()]
        ids = file["candidates/id"][()]
        assert list(ids[states == 3]) == [50], list(ids[states == 3])
        message = file["candidates/message"][int(np.flatnonzero(ids == 50)[0])]
        assert message == b"3 processes were lost while they evaluated it", message


@case
def a_design_that_kills_its_processes_is_quarantined():
    with Bench(PROGRAM, values=4) as bench:
        # Four processes at most, and rank 0 among them ends a run: the next one knows.
        for attempt in range(4):
            resume = ["--resume"] if attempt > 0 else []
            _, text = bench.run("s.h5", "--no-prune", "--worker-timeout", 1, *resume, ranks=5,
                                recovery=True, synthetic="seconds=0.002,abort=50", timeout=120)
            if "complete:" in text:
                break
        assert "complete:" in text, text
        only_the_killer_is_left_out(bench.path("s.h5"))
        many = columns(bench.path("s.h5"))

        # A lone process takes the design last, and with it three runs.
        for attempt in range(4):
            resume = ["--resume"] if attempt > 0 else []
            code, text = bench.run("lone.h5", "--no-prune", *resume, threads=2,
                                   synthetic="seconds=0.002,abort=50", timeout=120)
            assert code == (-signal.SIGABRT if attempt < 3 else 0), f"{attempt}: {code}\n{text}"
        only_the_killer_is_left_out(bench.path("lone.h5"))
        assert columns(bench.path("lone.h5")) == many


chosen = sys.argv[2:] or list(CASES)
failed = []
for name in chosen:
    begun = time.monotonic()
    try:
        CASES[name]()
        print(f"ok   {name} ({time.monotonic() - begun:.1f} s)", flush=True)
    except AssertionError as error:
        failed.append(name)
        print(f"FAIL {name}: {error}", flush=True)
sys.exit(1 if failed else 0)
