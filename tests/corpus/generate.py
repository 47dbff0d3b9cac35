#!/usr/bin/env python3
"""Writes the corpus: a C++ program in which some 300 threads hold locks, and know who took them.

    generate.py DIRECTORY

Each case runs in a thread of its own, blocked in its innermost function. What holds, and where it
was taken, stands in the generated source as comments ("// takes 0"): the line numbers of the truth
are read off the finished text. pieces.py has what most cases are put together from.

The others stand in cases/. There, "//// NAME" begins a case; after the name may come
  tag=returned     the truth is the caller of a function that came back with the lock
  tag=decoy        other frames look as if they had taken it
  tag=inline       the compiler decides whether the function has a frame of its own
  guards=A,B       one case for each of these guards; lock= is its $M, other= another lock
  kind=stdio       not a mutex
A case without "takes" holds nothing.
"""

import itertools
import pathlib
import re
import string
import sys
from dataclasses import dataclass

from pieces import FAR_PLACES, FLOWS, GUARDS, HEAD, PLACES, Guard

SPECIAL = ["functions", "several_locks", "returned", "decoys", "odd_frames", "nothing_held",
           "indirect"]
FILES = 8
FIRST_ID = 2  # 1 is the main thread, which holds the gate
PARKS = ["park();", "park_deep(3);", "park();", "park_in_condition();", "park();",
         "park_at_gate();"]
MARK = re.compile(r"//\s*(takes|guards) (.*)$")


@dataclass
class Case:
    id: int
    name: str
    text: str
    tag: str = "plain"
    kind: str = "mutex"


def fill(text, names):
    """Substitutes until no $NAME is left: the pieces hold names themselves."""
    while "$" in text:
        text = string.Template(text).substitute(names)
    return text


def unmarked(text):
    return re.sub(r"\s*// (takes|guards) .*", "", text)


def taken_in(text, where):
    return re.sub(r"(// (?:takes|guards) \d+)", r"\1 in " + where, text)


def opened(guard):
    """The declaration of a guard that is given back and taken again later."""
    if guard.release == guard.drop:
        return unmarked(guard.take)
    return guard.take.replace("// takes", "// guards")


def names_of_guard(guard, lock):
    take = guard.take
    return {
        "T": guard.type, "M": lock, "TAKE": take, "DROP": guard.drop,
        "RELEASE": guard.release, "RETAKE": guard.retake, "OPENED": opened(guard),
        "EARLIER": unmarked(take),
        "TAKE_IN_INNER": taken_in(take, "${F}_inner"),
        "TAKE_IN_LAMBDA": taken_in(take, "$F::lambda"),
        "TAKE_IN_DESTRUCTOR": taken_in(take, "~$F"),
        "TAKE_IN_INSTANCE": take.replace("takes 0", "takes 0 in $F<int>, 1 in $F<long>"),
        "TAKE_INLINE": taken_in(take, "$F else host_$ID"),
        "TAKE_IN_INLINE_LAMBDA": taken_in(take, "$F::lambda else $F"),
    }


class Corpus:
    def __init__(self):
        self.cases = []
        self.seen = set()

    def next_names(self, name):
        id = FIRST_ID + len(self.cases)
        park = PARKS[id % len(PARKS)] + "\nKEEP_FRAME($ID);"
        return {"ID": str(id), "F": f"case_{id:03}_{name}", "PARK": park}

    def add(self, names, text, **rest):
        self.cases.append(Case(int(names["ID"]), names["F"], fill(text, names), **rest))

    def combine(self, guard_name, place_name, flow_name, inline=False):
        guard, flow = GUARDS[guard_name], FLOWS[flow_name]
        place = (PLACES | FAR_PLACES)[place_name]
        key = (guard_name, place_name, flow_name, inline)
        if key in self.seen or not fits(guard, place, flow):
            return
        self.seen.add(key)
        words = [guard_name, place_name, flow_name] + (["inline"] if inline else [])
        names = self.next_names("_".join(words))
        names |= names_of_guard(guard, place.lock)
        names |= {"P": place.parameters, "A": place.arguments, "SCOPE": place.scope,
                  "SETUP": place.setup, "CALL": "host_$ID" if inline else "$F"}
        if inline:
            names["TAKE"] = names["TAKE_INLINE"]
            flow = flow.replace(HEAD, HEAD.replace("NOINLINE", "static inline"))
            flow += "NOINLINE void host_$ID($P) {\ntouch();\n$F($A);\nKEEP_FRAME($ID);\n}\n"
        enter = "void enter_$ID() {\n" + place.enter + "\nKEEP_FRAME($ID);\n}\n"
        self.add(names, place.before + flow + enter, tag="inline" if inline else "plain",
                 kind=guard.kind)

    def add_special(self, header, text):
        name, *words = header.split()
        options = dict(word.split("=") for word in words)
        for guard_name in options.get("guards", "").split(","):
            guard = GUARDS.get(guard_name, Guard("", ""))
            names = self.next_names(f"{guard_name}_{name}" if guard_name else name)
            names |= names_of_guard(guard, options.get("lock", ""))
            if "other" in options:
                other = lambda piece: unmarked(piece).replace("$M", options["other"])
                names |= {"EARLIER_OTHER": other(guard.take), "DROP_OTHER": other(guard.drop)}
            self.add(names, text, tag=options.get("tag", "plain"),
                     kind=options.get("kind", guard.kind))


def fits(guard, place, flow):
    if "$RELEASE" in flow and not guard.release:
        return False
    two_functions = "_inner" in flow
    return not (two_functions and place.setup)


def all_cases(folder):
    corpus = Corpus()
    places = itertools.cycle(name for name in PLACES if name not in ("global", "this"))
    hand = itertools.cycle(["by_hand", "pthread"])
    for guard in GUARDS:
        for place in ("global", "this", next(places), next(places)):
            corpus.combine(guard, place, "straight")
    for place in PLACES:
        for guard in ("lock_guard", "unique_lock", next(hand)):
            corpus.combine(guard, place, "straight")
    for flow in FLOWS:
        for place in ("global", "this", next(places)):
            for guard in ("lock_guard", "unique_lock", next(hand)):
                corpus.combine(guard, place, flow)
    guards = itertools.cycle(["lock_guard", "unique_lock", "pthread", "by_hand", "own_template"])
    for flow in ("straight", "loop", "again", "branch"):
        for place in ("global", "reference", "array_index", "pointer_member", "own_stack"):
            corpus.combine(next(guards), place, flow, inline=True)
    for name in SPECIAL:
        text = (folder / f"{name}.cpp.in").read_text()
        for block in text.split("\n//// ")[1:]:
            corpus.add_special(*block.split("\n", 1))
    flows = itertools.cycle(["again", "many_values", "branch", "loop", "relock"])
    for place in FAR_PLACES:
        for guard in ("lock_guard", "unique_lock", next(hand)):
            corpus.combine(guard, place, "straight")
        corpus.combine("unique_lock", place, next(flows))
    return corpus.cases


def indented(text):
    depth = 0
    for line in text.splitlines():
        code = line.strip()
        if not code:
            continue
        level = depth - (1 if code.startswith("}") else 0)
        depth += code.count("{") - code.count("}")
        yield "  " * level + code


class Truth:
    """What one case holds, read off its marked lines."""

    def __init__(self, case):
        self.case = case
        self.taken = {}  # lock number → {(function, physical): lines}
        self.acquired = set()

    def learn(self, code, line):
        mark = MARK.search(code)
        if not mark:
            return
        verb, items = mark.groups()
        for item in items.split(","):
            locks, _, where = item.partition(" in ")
            function, _, physical = (where or self.case.name).partition(" else ")
            for lock in locks.split():
                key = (function.strip(), physical.strip() or function.strip())
                self.taken.setdefault(int(lock), {}).setdefault(key, []).append(line)
                if verb == "takes":
                    self.acquired.add(int(lock))

    def rows(self, file):
        assert set(self.taken) == self.acquired, self.case.name
        for lock, places in sorted(self.taken.items()):
            taken = " ".join(
                f"{function}|{physical}|{file}|{','.join(map(str, sorted(set(lines))))}"
                for (function, physical), lines in places.items())
            yield (f'{{{self.case.id}, {lock}, "{self.case.kind}", "{self.case.tag}", '
                   f'"{taken}"}},')


def main():
    here = pathlib.Path(__file__).parent
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    cases = all_cases(here / "cases")
    rows = []
    size = -(-len(cases) // FILES)
    for number in range(FILES):
        file = f"cases_{number}.cpp"
        lines = ['#include "corpus.h"']
        for case in cases[number * size:(number + 1) * size]:
            truth = Truth(case)
            lines.append("")
            for code in indented(case.text):
                lines.append(code)
                truth.learn(code, len(lines))
            rows += truth.rows(file)
        (directory / file).write_text("\n".join(lines) + "\n")
    table = ['#include "corpus.h"', ""]
    table += [f"void enter_{case.id}();" for case in cases]
    table += ["", "const Case cases[] = {"]
    table += [f'    {{{case.id}, "{case.name}", enter_{case.id}}},' for case in cases]
    table += ["    {0, nullptr, nullptr}};", "", "const Pair pairs[] = {"]
    table += ["    " + row for row in rows]
    table += ['    {0, 0, "", "", ""}};']
    (directory / "table.cpp").write_text("\n".join(table) + "\n")
    print(f"{len(cases)} cases, {len(rows)} pairs")


if __name__ == "__main__":
    main()
