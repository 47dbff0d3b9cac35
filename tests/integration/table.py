#!/usr/bin/env python3
"""Prints, as Markdown, what the samples' tests saw pstuck recognise.

    build/tests/pstuck_integration_tests --gtest_filter='*OfSample*:LiveSample*' | tests/integration/table.py

Each test prints a line for each wait that its sample told the truth about:

    table: SAMPLE ARGUMENT VARIANT SOURCE RESOURCE WAIT RECOGNISED PARTNER NAMED

A cell has the letters of what was seen for all waits of that row: r recognised, p the holder or who
must act, n the object's name. "none": nobody in particular has to act, or nobody can be told.
"""
import collections
import sys

COLUMNS = [(variant, source) for source in ("live", "core") for variant in ("O0", "O2", "stripped")]
VARIANT_NAMES = {"O0": "-O0 -g", "O2": "-O2 -g", "stripped": "stripped"}


def read_rows(lines):
    rows = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in lines:
        words = line.split()
        if not words or words[0] != "table:":
            continue
        sample, argument, variant, source, resource, wait, *seen = words[1:]
        name = sample if argument == "-" else f"{sample} {argument}"
        rows[(resource, wait, name)][(variant, source)].append(seen)
    return rows


def cell(waits):
    if not waits:
        return ""
    return " ".join(letter(column, [wait[column] for wait in waits]) for column in range(3))


def letter(column, words):
    told = [word for word in words if word != "none"]
    if not told:
        return "none"
    return "–" if "-" in told else "rpn"[column]


def main():
    rows = read_rows(sys.stdin)
    titles = [f"{VARIANT_NAMES[variant]}, {source}" for variant, source in COLUMNS]
    print("| resource | wait | sample | " + " | ".join(titles) + " |")
    print("|---" * (3 + len(titles)) + "|")
    for (resource, wait, name), cells in sorted(rows.items()):
        print(f"| {resource} | {wait} | {name} | " + " | ".join(cell(cells[c]) for c in COLUMNS) + " |")


main()
