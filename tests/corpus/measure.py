#!/usr/bin/env python3
"""Holds pstuck's answers against what the corpus knows: which frame took which lock.

    measure.py --pstuck build/pstuck [--verbose] [--core] PROGRAM…

Prints one row of a Markdown table for each program. Precision is correct / attributed: a lock given
to a wrong frame is wrong, and so is one given to a thread that does not hold it. Recall is correct /
pairs. Ends with status 1 where a program stays below --precision or --recall, or where a lock is
said to be held by a thread that does not hold it.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

PATIENCE = 60  # seconds for a program to get ready
BLOCKED_IN = {"34", "202"}  # pause, futex
METHODS = ("guard", "locking_code")
HEADINGS = ("configuration", "pairs", "found held", "held wrongly", "attributed", "correct", "wrong",
            "precision", "recall", "lines right", *METHODS)


@dataclass
class Taken:
    function: str
    physical: str  # whose code does it where the compiler inlined the function
    file: str
    lines: list


@dataclass
class Pair:
    tid: int
    address: int
    kind: str
    name: str
    tag: str
    taken: list


@dataclass
class Truth:
    pid: int = 0
    names: dict = field(default_factory=dict)  # tid → case
    pairs: list = field(default_factory=list)

    def learn(self, line):
        fact, *words = line.split()
        if fact == "pid":
            self.pid = int(words[0])
        if fact == "case":
            self.names[int(words[1])] = words[2]
        if fact == "holds":
            _, _, tid, address, kind, name, tag, *taken = words
            self.pairs.append(Pair(int(tid), int(address, 16), kind, name, tag,
                                   [parse_taken(one) for one in taken]))


def parse_taken(text):
    function, physical, file, lines = text.split("|")
    return Taken(function, physical, file, [int(line) for line in lines.split(",")])


class Program:
    """The running corpus; every thread is blocked for good after the constructor."""

    def __init__(self, path):
        self.truth = Truth()
        self.process = subprocess.Popen([os.path.abspath(path)], stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.strip() == "ready":
                break
            self.truth.learn(line)
        else:
            sys.exit(f"{path} ended before it was ready")
        wait_until(lambda: all(map(self.is_blocked, self.truth.names)), f"{path} never blocked")
        for pair in self.truth.pairs:
            assert self.holds(pair), f"{pair.name} does not hold its lock"

    def is_blocked(self, tid):
        text = pathlib.Path(f"/proc/{self.truth.pid}/task/{tid}/syscall").read_text()
        return text.split()[0] in BLOCKED_IN

    def holds(self, pair):
        """What the lock itself says; glibc 2.36: sysdeps/nptl/bits/struct_mutex.h, struct_rwlock.h."""
        with open(f"/proc/{self.truth.pid}/mem", "rb") as memory:
            memory.seek(pair.address)
            words = [int.from_bytes(memory.read(4), "little", signed=True) for _ in range(7)]
        if pair.kind == "stdio":
            return words[0] != 0 and words[2] != 0
        return words[2 if pair.kind == "mutex" else 6] == pair.tid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def wait_until(is_true, complaint):
    deadline = time.monotonic() + PATIENCE
    while not is_true():
        if time.monotonic() > deadline:
            sys.exit(complaint)
        os.sched_yield()


class Symbols:
    """Names the code of a stripped program by the symbols that it had."""

    def __init__(self, path):
        self.path = os.path.realpath(path)
        full = re.sub(r"-stripped$", "", path)
        output = subprocess.run(["nm", "--defined-only", "-n", "-C", full], capture_output=True,
                                text=True).stdout
        rows = (line.split(" ", 2) for line in output.splitlines())
        self.functions = [(int(row[0], 16), row[2]) for row in rows if row[1] in "tTwW"]
        with open(path, "rb") as file:
            self.is_fixed = file.read(18)[16] == 2  # ET_EXEC: symbols are addresses, not offsets

    def name(self, frame):
        if frame["function"] or os.path.basename(frame["module"] or "") != os.path.basename(self.path):
            return frame["function"]
        # A module's offset is that of the call, a pc the address that it returns to.
        offset = int(frame["pc"], 16) - 1 if self.is_fixed else int(frame["module_offset"], 16)
        names = [name for start, name in self.functions if start <= offset]
        return names[-1] if names else None


def is_function(name, wanted):
    """"void Cache::f<long>(int) [clone .isra.0]" is f; "f()::{lambda()#1}::operator()()" f::lambda."""
    if not name:
        return False
    if wanted.endswith("::lambda"):
        return wanted.removesuffix("::lambda") in name and "operator()" in name
    arguments = "" if wanted.endswith(">") else r"(<[^()]*>)?"
    found = re.search(r"(?<![\w~])" + re.escape(wanted) + arguments + r"([\[(. ]|::\{|$)", name)
    return found is not None and "::{" not in name[found.start():] and ")::" not in name[found.end():]


def right_frames(pair, names):
    """The frames that took the lock, with their acquisition lines. An inlined function that has no
    frame of its own stands in its host's."""
    frames = {}
    for taken in pair.taken:
        own = [i for i, name in enumerate(names) if is_function(name, taken.function)]
        host = [i for i, name in enumerate(names) if is_function(name, taken.physical)]
        for i in own or host:
            frames.setdefault(i, []).extend(taken.lines)
    return frames


@dataclass
class Tally:
    configuration: str
    pairs: int = 0
    found: int = 0
    held_wrongly: int = 0
    attributed: int = 0
    correct: int = 0
    lines_given: int = 0
    lines_right: int = 0
    by: dict = field(default_factory=lambda: {method: [0, 0] for method in METHODS})

    def count(self, acquisitions, correct):
        """The answer for one lock of one thread. A recursive one can have several frames: all must
        be right."""
        self.attributed += 1
        self.correct += correct
        method = self.by[acquisitions[0]["by"]]
        method[0] += correct
        method[1] += 1

    def precision(self):
        return percent(self.correct, self.attributed)

    def recall(self):
        return percent(self.correct, self.pairs)

    def row(self):
        by = [f"{right}/{all}" for right, all in self.by.values()]
        cells = [self.configuration, self.pairs, self.found, self.held_wrongly, self.attributed,
                 self.correct, self.attributed - self.correct, f"{self.precision():.1f} %",
                 f"{self.recall():.1f} %", f"{self.lines_right}/{self.lines_given}", *by]
        return "| " + " | ".join(map(str, cells)) + " |"


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def acquisitions_of(hold):
    return [one["acquisition"] for one in hold if one["acquisition"]]


class Comparison:
    def __init__(self, configuration, truth, target, symbols, verbose):
        self.tally = Tally(configuration)
        self.truth, self.target, self.symbols, self.verbose = truth, target, symbols, verbose
        self.threads = {thread["tid"]: thread for thread in target["threads"]}

    def frames(self, tid):
        return self.threads[tid]["stack"]["frames"] if tid in self.threads else []

    def names(self, tid):
        return [self.symbols.name(frame) for frame in self.frames(tid)]

    def holds(self):
        """(tid, address) → what is said of that lock; of all threads."""
        holds = {}
        for tid, thread in self.threads.items():
            for hold in thread.get("holds", []):
                address = int(self.target["resources"][hold["resource"]]["address"], 16)
                holds.setdefault((tid, address), []).append(hold)
        return holds

    def run(self):
        holds = self.holds()
        for pair in self.truth.pairs:
            self.tally.pairs += 1
            self.compare(pair, holds.pop((pair.tid, pair.address), []))
        for (tid, _), hold in holds.items():
            self.tally.held_wrongly += 1
            acquisitions = acquisitions_of(hold)
            if acquisitions:
                self.tally.count(acquisitions, False)
            self.tell("HELD WRONGLY", tid, self.truth.names.get(tid, "?"), hold, {})
        return self.tally

    def compare(self, pair, hold):
        right = right_frames(pair, self.names(pair.tid))
        assert right, f"{pair.name}: no frame of {pair.taken} in {self.names(pair.tid)}"
        title = f"{pair.name} [{pair.tag}]"
        if not hold:
            return self.tell("NOT FOUND HELD", pair.tid, title, hold, right)
        self.tally.found += 1
        acquisitions = acquisitions_of(hold)
        if not acquisitions:
            return self.tell("NO FRAME", pair.tid, title, hold, right)
        correct = all(one["frame"] in right for one in acquisitions)
        self.tally.count(acquisitions, correct)
        if not correct:
            return self.tell("WRONG FRAME", pair.tid, title, hold, right)
        if all(one["line"] for one in acquisitions):
            self.tally.lines_given += 1
            if all(one["line"] in right[one["frame"]] for one in acquisitions):
                self.tally.lines_right += 1
            else:
                self.tell("WRONG LINE", pair.tid, title, hold, right)

    def tell(self, what, tid, title, hold, right):
        if not self.verbose:
            return
        print(f"\n{what}: {title}, tid {tid}")
        for one in hold:
            print(f"  {json.dumps(one)}")
        got = [one["frame"] for one in acquisitions_of(hold)]
        for i, (frame, name) in enumerate(zip(self.frames(tid), self.names(tid))):
            note = f"  ← truth, line {right[i]}" if i in right else ""
            note += "  ← pstuck" if i in got else ""
            line = f":{frame['line']}" if frame["line"] else ""
            inlined = " (inlined)" if frame["inlined"] else ""
            print(f"    #{i} {frame['module_offset']} {name}{line}{inlined}{note}")


def diagnose(pstuck, target, options):
    outcome = subprocess.run([pstuck, "--format", "json", *options, target], capture_output=True,
                             text=True)
    if outcome.returncode != 0:
        sys.exit(f"{pstuck} {target}: {outcome.stderr}")
    return json.loads(outcome.stdout)["targets"][0]


def diagnose_core(pstuck, pid, options):
    with tempfile.TemporaryDirectory() as directory:
        prefix = os.path.join(directory, "core")
        subprocess.run(["gcore", "-o", prefix, str(pid)], check=True, capture_output=True)
        return diagnose(pstuck, f"{prefix}.{pid}", options)


def measure(path, arguments):
    with Program(path) as program:
        pid = program.truth.pid
        read = diagnose_core if arguments.core else diagnose
        target = read(arguments.pstuck, str(pid), arguments.option)
        name = os.path.basename(path) + (" core" if arguments.core else "")
        return Comparison(name, program.truth, target, Symbols(path), arguments.verbose).run()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pstuck", required=True)
    parser.add_argument("--option", action="append", default=[], help="one for pstuck")
    parser.add_argument("--core", action="store_true", help="look at a core that gcore writes")
    parser.add_argument("--verbose", action="store_true", help="show each wrong or missing answer")
    parser.add_argument("--precision", type=float, default=0, help="percent that each must reach")
    parser.add_argument("--recall", type=float, default=0, help="percent that each must reach")
    parser.add_argument("--no-heading", action="store_true")
    parser.add_argument("programs", nargs="+")
    arguments = parser.parse_args()
    tallies = [measure(path, arguments) for path in arguments.programs]
    if not arguments.no_heading:
        print("| " + " | ".join(HEADINGS) + " |")
        print("| --- |" + " ---: |" * (len(HEADINGS) - 1))
    for tally in tallies:
        print(tally.row())
    low = any(tally.precision() < arguments.precision or tally.recall() < arguments.recall
              or tally.held_wrongly for tally in tallies)
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
