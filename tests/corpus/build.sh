#!/usr/bin/env bash
# Builds the corpus in one configuration, and the same code with less to read:
#
#   build.sh SOURCES PROGRAM COMPILER FLAG…
#
# PROGRAM has debug information, PROGRAM-nog symbols only, PROGRAM-stripped neither. SOURCES is what
# generate.py wrote. CORPUS_LAUNCHER, such as ccache, stands before the compiler.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
sources=$1 program=$2 compiler=$3
shift 3
objects=$program.objects
mkdir -p "$objects"
printf '%s\n' "$here"/*.cpp "$sources"/*.cpp | xargs -P "${CORPUS_JOBS:-1}" -I{} bash -c '
  "${@:3}" -I"$2" -c "$1" -o "'"$objects"'/$(basename "$1" .cpp).o"' \
  compile {} "$here" ${CORPUS_LAUNCHER:-} "$compiler" -std=c++20 -g -pthread "$@"
linker=()
case "$compiler $*" in *clang*-flto*) linker=(-fuse-ld=lld) ;; esac
"$compiler" -g -pthread "$@" "${linker[@]}" "$objects"/*.o -o "$program"
objcopy --strip-debug "$program" "$program-nog"
strip -o "$program-stripped" "$program"
