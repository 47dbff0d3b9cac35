#!/usr/bin/env bash
# How long `pstuck --all` takes on a machine with many processes, and its peak memory.
#
#   bash tests/bench/all.sh [PROCESSES]   (default: 300, besides those that run anyway)
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/packages.sh

processes=${1:-300}
need_packages "${build_packages[@]}" time
mkdir -p build
{
  cmake -S . -B build
  cmake --build build -j "$(nproc)" --target pstuck
} >build/all.log 2>&1 || { cat build/all.log >&2; exit 1; }

work=$(mktemp -d)
started=()
cleanup() {
  kill "${started[@]}" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

# Half of them sleep, half wait for data from a FIFO that this shell has open.
mkfifo "$work/fifo"
exec 3<>"$work/fifo"
for ((i = 0; i < processes; ++i)); do
  if ((i % 2)); then
    sleep 600 &
  else
    cat <"$work/fifo" >/dev/null &
  fi
  started+=("$!")
done

for run in 1 2 3 4 5; do
  /usr/bin/time -f "%e %M" -o "$work/time.$run" build/pstuck --all >"$work/report" 2>/dev/null
done
read -r seconds kilobytes < <(sort -n "$work"/time.* | sed -n 3p)
seen=$(build/pstuck --all --format json 2>/dev/null | grep -c '"kind": "live"')
echo "$seen processes: $seconds s, $((kilobytes / 1024)) MiB (medians of 5)"
