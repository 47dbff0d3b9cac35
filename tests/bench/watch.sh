#!/usr/bin/env bash
# What `pstuck watch` costs: the processor time of one look, and its memory; for 1000 threads that
# queue for a lock, at which it must look closely each time, and for 500 that are at work.
#
#   bash tests/bench/watch.sh [LOOKS]   (default: 50)
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/packages.sh

looks=${1:-50}
need_packages "${build_packages[@]}" libbenchmark-dev libgtest-dev time
mkdir -p build
{
  cmake -S . -B build -DPSTUCK_TESTS=ON -DPSTUCK_BENCH=ON
  cmake --build build -j "$(nproc)" --target pstuck pstuck_crowd sample_healthy_crowd_O2
} >build/watch.log 2>&1 || { cat build/watch.log >&2; exit 1; }

measure() {
  local name=$1 pid seconds user system kilobytes
  shift
  coproc target { exec "$@"; }
  pid=$target_PID
  sleep 1
  /usr/bin/time -f '%U %S %M' -o build/watch.time build/pstuck watch --every 200ms --for 1h "$pid" &
  sleep "$((looks / 5))"
  kill "$pid"
  wait
  read -r user system kilobytes <build/watch.time
  awk -v name="$name" -v s="$user" -v t="$system" -v n="$looks" -v k="$kilobytes" \
    'BEGIN { printf "%s: %.0f ms of a processor a look, %d MiB\n", name, (s + t) / n * 1000, k / 1024 }'
}

measure "1000 threads in a queue" build/tests/bench/pstuck_crowd 1000
measure "500 threads at work" build/samples/O2/healthy_crowd
