#!/usr/bin/env bash
# Measures pstuck on the corpus in every configuration and writes RESULTS.md beside this script. Takes
# some minutes.
#
#   run.sh [PSTUCK]      (build/pstuck)
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/packages.sh
need_packages g++ clang-14 lld-14 python3
unset DEBUGINFOD_URLS  # results must not depend on a server
pstuck=$(readlink -f "${1:-build/pstuck}")
directory=build/corpus
export CORPUS_JOBS=${CORPUS_JOBS:-$(nproc)}
mkdir -p "$directory"
python3 -B tests/corpus/generate.py "$directory/sources" >"$directory/size"

# build NAME COMPILER FLAG…: says the name of the program when it is built.
build() {
  echo "$1" >&2
  tests/corpus/build.sh "$directory/sources" "$directory/$1" "${@:2}" >&2
  echo "$directory/$1"
}

programs=()
for compiler in g++ clang++-14; do
  for level in -O0 -O1 -O2 -O3 "-O2 -flto"; do
    name=${compiler%-14}${level// /}
    read -r -a flags <<<"$level"
    programs+=("$(build "$name" "$compiler" "${flags[@]}" -fomit-frame-pointer)")
    programs+=("$(build "$name-fp" "$compiler" "${flags[@]}" -fno-omit-frame-pointer)")
  done
done
others=(
  "$(build g++-Os g++ -Os)"
  "$(build clang++-Oz clang++-14 -Oz)"
  "$(build g++-O2-no-pie g++ -O2 -fno-pie -no-pie)"
  "$(build g++-O2-through-got g++ -O2 -fPIC -Wl,--no-relax)"
  "$(build clang++-O2-through-got clang++-14 -O2 -fPIC -Wl,--no-relax)"
  "$(build g++-O2-no-plt g++ -O2 -fno-plt)"
  "$(build g++-O2-protected g++ -O2 -fstack-protector-all -fcf-protection -D_FORTIFY_SOURCE=2)"
  "$(build g++-O3-haswell g++ -O3 -march=haswell -funroll-loops)"
  "$(build g++-O2-static g++ -O2 -static)"
  "$(build clang++-O2-static clang++-14 -O2 -static)"
)

# section TITLE MEASURE-ARGUMENT…
section() {
  printf '\n## %s\n\n' "$1"
  python3 -B tests/corpus/measure.py --pstuck "$pstuck" "${@:2}"
}

some=("$directory"/{g++,clang++}-O2{,-nog})
{
  cat <<END
# Which frame took the lock: what pstuck answers, and what is true

Written by \`tests/corpus/run.sh\`: $(cat "$directory/size"), each case in a thread of its own, and the
gate that the last of them waits at.
$(g++ --version | head -1); $(clang++-14 --version | head -1); $(getconf GNU_LIBC_VERSION).

Precision is correct / attributed: any lock given to a wrong frame is wrong, and so is one given to a
thread that does not hold it. Recall is correct / pairs. A line is right when it is that of the
guard's declaration or of the call that locked. The last columns are correct / given answers by the
way they were found. \`-fp\`: with frame pointers; \`-nog\`: the same program without its debug
information; \`-stripped\`: without symbols too, so that the truth is compared by code address.
END
  section "With debug information" "${programs[@]}"
  section "Without debug information, with symbols" "${programs[@]/%/-nog}"
  section "Stripped" "${programs[@]/%/-stripped}"
  section "Built in other ways" "${others[@]}" "${others[@]/%/-nog}"
  section "From cores" --core "${some[@]}"
  section "Without the scan of memory" --option=--scan-memory=no "${some[@]}"
} >"$directory/results.md"
mv "$directory/results.md" tests/corpus/RESULTS.md
cat tests/corpus/RESULTS.md
