#!/usr/bin/env bash
# Sets pstuck against eu-stack and gdb on one process with many threads, and prints a Markdown
# table: wall time (median), peak memory, and the longest time for which a running thread of the
# target stood still (median of the runs), with ratios to pstuck on the same target.
#
#   bash tests/bench/compare.sh [--threads "100 1000 5000"] [--tools "none pstuck …"] [--runs 5]
#
# Tools: none (the target's own noise), pstuck, eu-stack, eu-stack-lines, gdb.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/packages.sh

sizes="100 1000 5000"
tools="none pstuck eu-stack eu-stack-lines gdb"
runs=5
limit=120  # seconds for one run
while [ $# -gt 0 ]; do
  case $1 in
    --threads) sizes=$2 ;;
    --tools) tools=$2 ;;
    --runs) runs=$2 ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift 2
done

need_packages "${build_packages[@]}" libbenchmark-dev elfutils gdb time
unset DEBUGINFOD_URLS
mkdir -p build
{
  cmake -S . -B build -DPSTUCK_BENCH=ON
  cmake --build build -j "$(nproc)" --target pstuck pstuck_crowd
} >build/compare.log 2>&1 || { cat build/compare.log >&2; exit 1; }

work=$(mktemp -d)
crowd_pid=
cleanup() {
  [ -z "$crowd_pid" ] || kill "$crowd_pid" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

start_crowd() {  # THREADS
  mkfifo "$work/ask" "$work/answer"
  build/tests/bench/pstuck_crowd "$1" <"$work/ask" >"$work/answer" &
  crowd_pid=$!
  exec 3>"$work/ask" 4<"$work/answer"
  rm "$work/ask" "$work/answer"
  read -r _ <&4
}

stop_crowd() {
  exec 3>&- 4<&-
  wait "$crowd_pid" || true
  crowd_pid=
}

longest_stall() {  # since the last question, in microseconds
  echo >&3
  local answer
  read -r answer <&4
  echo "$answer"
}

words_of() {  # TOOL: sets `words` to its command
  case $1 in
    none) words=(sleep 0.2) ;;
    pstuck) words=(build/pstuck "$crowd_pid") ;;
    eu-stack) words=(eu-stack -p "$crowd_pid") ;;
    eu-stack-lines) words=(eu-stack -i -s -p "$crowd_pid") ;;
    gdb) words=(gdb -nx -batch -p "$crowd_pid" -ex 'thread apply all bt') ;;
    *) echo "unknown tool $1" >&2; exit 2 ;;
  esac
}

# Lines "WALL_US PEAK_KIB STALL_US", one for each run; nothing when it takes too long.
measure() {  # TOOL TIMES
  local words status run began ended
  words_of "$1"
  for ((run = 0; run < $2; ++run)); do
    longest_stall >/dev/null
    sleep 0.1  # the thread that answered holds the lock: it is to sleep, as in a hang
    status=0
    began=$EPOCHREALTIME
    /usr/bin/time -f '%M' -o "$work/time" \
      timeout "$limit" "${words[@]}" >/dev/null 2>&1 </dev/null || status=$?
    ended=$EPOCHREALTIME
    [ "$status" -ne 124 ] || return 0
    echo "$((${ended/./} - ${began/./})) $(tail -n 1 "$work/time") $(longest_stall)"
  done
}

median_of_column() {  # COLUMN, lines on standard input
  awk -v c="$1" '{print $c}' | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN {if (b > 0) printf "%.1f×", a / b; else print "–"}'; }

print_row() {  # THREADS TOOL WALL KIB STALL
  awk -v threads="$1" -v tool="$2" -v wall="$3" -v kib="$4" -v stall="$5" \
    -v wall_ratio="$(ratio "$3" "$base_wall")" -v kib_ratio="$(ratio "$4" "$base_kib")" \
    -v stall_ratio="$(ratio "$5" "$base_stall")" 'BEGIN {
      printf "| %d | %s | %.0f ms | %s | %.1f MiB | %s | %.2f ms | %s |\n",
        threads, tool, wall / 1000, wall_ratio, kib / 1024, kib_ratio, stall / 1000, stall_ratio }'
}

echo "| threads | tool | wall time | | peak memory | | longest stall | |"
echo "| ---: | :--- | ---: | ---: | ---: | ---: | ---: | ---: |"
for size in $sizes; do
  start_crowd "$size"
  base_wall=0 base_kib=0 base_stall=0
  for tool in $tools; do
    times=$runs
    [ "$tool" != gdb ] || times=$((size < 1000 ? 3 : 1))
    measure "$tool" "$times" >"$work/runs"
    if [ ! -s "$work/runs" ]; then
      echo "| $size | $tool | more than $limit s | | | | | |"
      continue
    fi
    wall=$(median_of_column 1 <"$work/runs")
    kib=$(median_of_column 2 <"$work/runs")
    stall=$(median_of_column 3 <"$work/runs")
    [ "$tool" != pstuck ] || { base_wall=$wall base_kib=$kib base_stall=$stall; }
    print_row "$size" "$tool" "$wall" "$kib" "$stall"
  done
  stop_crowd
done
