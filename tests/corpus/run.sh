#!/usr/bin/env bash
# Measures pstuck on the corpus in every configuration and writes RESULTS.md beside this script. Takes
# some minutes.
#
#   run.sh [PSTUCK]      (build/pstuck)
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/packages.sh
need_packages g++ clang-14 lld-14 python3
pstuck=$(readlink -f "${1:-build/pstuck}")
directory=build/corpus
export CORPUS_JOBS=${CORPUS_JOBS:-$(nproc)}
python3 -B tests/corpus/generate.py "$directory/sources" >"$directory/size"

programs=()
for compiler in g++ clang++-14; do
  for level in -O0 -O1 -O2 -O3 "-O2 -flto"; do
    for pointers in -fno-omit-frame-pointer -fomit-frame-pointer; do
      name=${compiler%-14}${level// /}
      [ "$pointers" = -fno-omit-frame-pointer ] && name+="-fp"
      echo "$name" >&2
      # shellcheck disable=SC2086
      tests/corpus/build.sh "$directory/sources" "$directory/$name" "$compiler" $level "$pointers"
      programs+=("$directory/$name")
    done
  done
done

measure() { python3 -B tests/corpus/measure.py --pstuck "$pstuck" "$@"; }
{
  cat <<END
# Which frame took the lock: what pstuck answers, and what is true

Written by \`tests/corpus/run.sh\`: $(cat "$directory/size"), each in a thread of its own.
$(g++ --version | head -1); $(clang++-14 --version | head -1); $(getconf GNU_LIBC_VERSION).

Precision is correct / attributed: any lock given to a wrong frame is wrong, and so is one given to a
thread that does not hold it. Recall is correct / pairs. A line is right when it is that of the
guard's declaration or of the call that locked. The last columns are correct / given answers by the
way they were found. \`-fp\`: with frame pointers.

## With debug information

$(measure "${programs[@]}")

## The same programs without debug information, with symbols

$(measure "${programs[@]/%/-nog}")

## The same programs stripped

No function has a name here: the truth is compared by code address.

$(measure "${programs[@]/%/-stripped}")

## From cores

$(measure --core "$directory/g++-O2" "$directory/g++-O2-nog" "$directory/clang++-O2" "$directory/clang++-O2-nog")
END
} >"$directory/results.md"
mv "$directory/results.md" tests/corpus/RESULTS.md
cat tests/corpus/RESULTS.md
