#!/usr/bin/env bash
# How long pstuck takes for each kind of core, and with how much memory: a Markdown table. The cores
# are in the page cache; those that are compressed, or come through a pipe, are unpacked anew.
#
#   bash tests/bench/cores.sh [--runs 3] [--small]
#
# --small leaves out the cores of 4 GB and 20 GB. Where the kernel writes cores elsewhere than into
# the current directory (core_pattern), gcore writes them all.
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/packages.sh

runs=3
small=
while [ $# -gt 0 ]; do
  case $1 in
    --runs) runs=$2; shift 2 ;;
    --small) small=yes; shift ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

need_packages "${build_packages[@]}" libbenchmark-dev gdb time zstd xz-utils lz4
unset DEBUGINFOD_URLS
mkdir -p build
{
  cmake -S . -B build -DPSTUCK_BENCH=ON
  cmake --build build -j "$(nproc)" --target pstuck pstuck_big_process
} >build/cores.log 2>&1 || { cat build/cores.log >&2; exit 1; }
root=$PWD
pstuck=$root/build/pstuck

work=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
pid=
cleanup() {
  [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

start() {  # THREADS FILLED_MIB RESERVED_GIB
  mkfifo "$work/said"
  (cd "$work" && ulimit -c unlimited -s 256 && exec "$root/build/tests/bench/pstuck_big_process" "$@" >"$work/said") &
  pid=$!
  read -r _ <"$work/said"
  rm "$work/said"
}

stop() {  # SIGNAL
  kill "-$1" "$pid"
  wait "$pid" 2>/dev/null || true
  pid=
}

dump() {  # NAME, by the kernel where it can
  if [ "$(cat /proc/sys/kernel/core_pattern)" = core ]; then
    stop ABRT
    mv "$work"/core* "$work/$1"
  else
    gcore -o "$work/gcore" "$pid" >"$work/gcore.log" 2>&1
    mv "$work"/gcore.[0-9]* "$work/$1"
    stop KILL
  fi
}

median() { sort -n | sed -n "$(((runs + 1) / 2))p"; }

row() {  # WHAT FILE COMMAND, which has the core as $core
  export core=$work/$2 pstuck TMPDIR=$work
  cat "$core" >/dev/null
  local run results=()
  for ((run = 0; run < runs; ++run)); do
    results+=("$(/usr/bin/time -f '%e %M' -o "$work/time" bash -c "$3" >"$work/report" && cat "$work/time")")
  done
  grep -q '^A core with 100[01] threads' "$work/report" || { echo "no report: $1" >&2; exit 1; }
  printf '| %s | %s | %s | %.2f s | %d MB |\n' "$1" \
    "$(numfmt --to=si "$(stat -c %s "$core")")" "$(numfmt --to=si "$(($(stat -c %b "$core") * 512))")" \
    "$(printf '%s\n' "${results[@]}" | cut -d' ' -f1 | median)" \
    "$(($(printf '%s\n' "${results[@]}" | cut -d' ' -f2 | median) / 1000))"
}

look='exec $pstuck $core'
echo '| core of 1,000 threads | size | on disk | time | peak memory |'
echo '| --- | --- | --- | --- | --- |'
start 1000 64 0
gcore -o "$work/gcore" "$pid" >"$work/gcore.log" 2>&1
mv "$work"/gcore.[0-9]* "$work/core.gcore"
row 'gcore' core.gcore "$look"
rm "$work/core.gcore"
dump core.kernel
row 'kernel' core.kernel "$look"
row 'on standard input' core.kernel 'exec $pstuck - <$core'
row 'through a pipe' core.kernel 'cat $core | $pstuck -'
(cd "$work" && gzip -1 -c core.kernel >core.gz && zstd -q -3 core.kernel -o core.zst &&
  xz -0 -c core.kernel >core.xz && lz4 -q core.kernel core.lz4)
row 'gzip' core.gz "$look"
row 'zstd' core.zst "$look"
row 'xz' core.xz "$look"
row 'lz4' core.lz4 "$look"
head -c "$(($(stat -c %s "$work/core.kernel") / 2))" "$work/core.kernel" >"$work/core.cut"
row 'cut in the middle' core.cut "$look"
rm "$work"/core.*
[ -z "$small" ] || exit 0
start 1000 4096 0
dump core.big
row '4 GB of memory in use' core.big "$look"
zstd -q -3 "$work/core.big" -o "$work/core.big.zst"
row '4 GB of memory in use, zstd' core.big.zst "$look"
rm "$work"/core.*
start 1000 0 20
dump core.sparse
row '20 GB of address space, sparse' core.sparse "$look"
