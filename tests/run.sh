#!/usr/bin/env bash
# Builds pstuck with its tests and runs them all. Installs what is missing on Debian 12 or Ubuntu.
#
#   bash tests/run.sh [CMAKE-OPTION…]
set -euo pipefail
cd "$(dirname "$0")/.."
source tests/packages.sh
need_packages "${test_packages[@]}"
unset DEBUGINFOD_URLS  # results must not depend on a server

jobs=$(nproc)
cmake -S . -B build -DPSTUCK_TESTS=ON "$@"
cmake --build build -j "$jobs"
# One more than cores: most of a test's time is waiting.
ctest --test-dir build --output-on-failure -j "$((jobs + 1))"
