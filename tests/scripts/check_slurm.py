#!/usr/bin/python3
"""The job template queues itself again and the supervisor relaunches, with a program of known exit codes in place of
`ridgeline explore`.

Usage: check_slurm.py SOURCE_DIR
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(sys.argv.pop()).resolve()

# Takes its exit codes, one a run, from a file; "wait" waits for a signal and then ends with 75; "N>M" tells N and ends
# with M, as under a launcher; "lost" ends with 0 and tells nothing. Notes its arguments.
PROGRAM = """#!/usr/bin/env bash
cd "$(dirname "$0")"
for ((i = 1; i < $#; ++i)); do
  if [[ ${!i} == --exit-code-file ]]; then j=$((i + 1)); file=${!j}; set -- "${@:1:i-1}" "${@:i+2}"; break; fi
done
echo "$*" >> runs
tell() { echo "$1" > "$file"; exit "${2:-$1}"; }
code=$(sed -n "$(wc -l < runs)p" codes)
trap 'echo USR1 >> signals' USR1
trap 'echo USR2 >> signals; tell 75' USR2
trap 'echo TERM >> signals; exit 1' TERM
if [[ $code == wait ]]; then
  touch waiting
  for ((i = 0; i < 300; ++i)); do sleep 0.1; done
fi
if [[ $code == *+ ]]; then mkdir -p study.h5.d; echo more >> study.h5.d/journal; code=${code%+}; fi
[[ $code == lost ]] && exit 0
[[ $code == 137 ]] && exit 137
[[ $code == *">"* ]] && tell "${code%>*}" "${code#*>}"
tell "$code"
"""


class Slurm(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.write("ridgeline", PROGRAM)
        self.write("scontrol", '#!/usr/bin/env bash\necho "$*" >> "$(dirname "$0")/scontrol-calls"\n')

    def write(self, name, text):
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def read(self, name):
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def start(self, script, *arguments, codes):
        (self.folder / "codes").write_text("\n".join(codes) + "\n")
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "SLURM_JOB_ID": "17",
                       "SLURM_CPUS_PER_TASK": "3", "RIDGELINE_LAUNCHER": "env"}
        process = subprocess.Popen([SOURCE / "scripts" / "slurm" / script, *arguments], cwd=self.folder, env=environment,
                                   stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        return process

    def finish(self, process):
        self.out, self.err = process.communicate(timeout=60)
        return process.returncode

    def supervise(self, *options, codes):
        return self.start("supervise", "-w", "0", *options, "ridgeline", "explore", "study.yaml", "-o", "study.h5", codes=codes)

    def wait_until_running(self):
        for _ in range(200):
            if (self.folder / "waiting").exists():
                return
            time.sleep(0.05)
        self.fail("the program was not started")

    def test_supervisor_resumes_what_was_lost_until_it_is_complete(self):
        self.assertEqual(self.finish(self.supervise(codes=["137", "1", "0"])), 0)
        self.assertEqual(self.read("runs"), ["explore study.yaml -o study.h5 --resume"] * 3)

    def test_supervisor_gives_up_where_nothing_moves(self):
        self.assertEqual(self.finish(self.supervise("-n", "2", codes=["1"] * 9)), 1)
        self.assertEqual(len(self.read("runs")), 3)
        self.assertIn("giving up", self.err)

    def test_supervisor_goes_on_as_long_as_journals_grow(self):
        self.assertEqual(self.finish(self.supervise("-n", "1", codes=["1+", "1+", "1+", "1+", "0"])), 0)

    def test_supervisor_stops_where_running_again_would_not_help(self):
        for code in (2, 3, 4, 74, 75):
            (self.folder / "runs").unlink(missing_ok=True)
            self.assertEqual(self.finish(self.supervise(codes=[str(code)] * 2)), code)
            self.assertEqual(len(self.read("runs")), 1)

    def test_supervisor_believes_the_program_rather_than_its_launcher(self):
        self.assertEqual(self.finish(self.supervise(codes=["lost", "137", "75>0"])), 75)
        self.assertEqual(len(self.read("runs")), 3)
        self.assertEqual(list(self.folder.glob("*.exit-code.*")), [])

    def test_supervisor_hands_signals_on(self):
        process = self.supervise(codes=["wait", "0"])
        self.wait_until_running()
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGUSR2)
        self.assertEqual(self.finish(process), 75)
        self.assertEqual(self.read("signals"), ["USR1", "USR2"])

    def test_supervisor_that_is_terminated_does_not_relaunch(self):
        process = self.supervise(codes=["wait", "0"])
        self.wait_until_running()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process), 75)
        self.assertEqual(len(self.read("runs")), 1)

    def test_supervisor_needs_a_command(self):
        self.assertEqual(self.finish(self.start("supervise", codes=[])), 2)
        self.assertEqual(self.finish(self.start("supervise", "-h", codes=[])), 0)

    def job(self, codes):
        return self.start("explore.sbatch", "study.yaml", "study.h5", "--keep", codes=codes)

    def test_job_that_completes_is_not_queued_again(self):
        self.assertEqual(self.finish(self.job(["0"])), 0)
        self.assertEqual(self.read("runs"), ["explore study.yaml -o study.h5 --resume --threads 3 --keep"])
        self.assertEqual(self.read("scontrol-calls"), [])

    def test_job_that_stopped_under_a_launcher_that_says_0_queues_again(self):
        self.assertEqual(self.finish(self.job(["75>0"])), 75)
        self.assertEqual(self.read("scontrol-calls"), ["requeue 17"])
        self.assertEqual(list(self.folder.glob("*.exit-code.*")), [])

    def test_job_whose_master_was_lost_is_not_taken_for_complete(self):
        self.assertEqual(self.finish(self.job(["lost"])), 1)

    def test_job_that_nears_its_limit_stops_and_queues_again(self):
        process = self.job(["wait"])
        self.wait_until_running()
        process.send_signal(signal.SIGUSR2)
        self.assertEqual(self.finish(process), 75)
        self.assertEqual(self.read("signals"), ["USR2"])
        self.assertEqual(self.read("scontrol-calls"), ["requeue 17"])

    def test_job_with_bad_input_is_not_queued_again(self):
        self.assertEqual(self.finish(self.job(["3"])), 3)
        self.assertEqual(self.read("scontrol-calls"), [])


if __name__ == "__main__":
    unittest.main()
