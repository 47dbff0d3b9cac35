#!/usr/bin/env bash
# Shows pstuck at work: starts a program that deadlocks, asks pstuck why it hangs, and ends it
# again. Installs what is missing on Debian 12 or Ubuntu.
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/packages.sh
need_packages "${build_packages[@]}"

echo "Building pstuck and a program that deadlocks (samples/router_and_cache.cpp) ..."
mkdir -p build
{
  cmake -S . -B build
  cmake --build build -j "$(nproc)" --target pstuck
  g++ -std=c++20 -O2 -g -pthread samples/router_and_cache.cpp -o build/router_and_cache
} >build/demo.log 2>&1 || { cat build/demo.log >&2; exit 1; }

# It says "ready" when all its threads are on their way into the deadlock.
coproc sample { exec build/router_and_cache; }
pid=$sample_PID
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null || true' EXIT
while read -r fact <&"${sample[0]}" && [ "$fact" != ready ]; do :; done
sleep 1  # for a hang that has a length

echo
echo "\$ pstuck $pid"
echo
build/pstuck "$pid"
