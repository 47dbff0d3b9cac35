#!/usr/bin/env bash
# Looks at a healthy program for a minute and more: 500 threads that take and give back every
# primitive that pstuck knows. Fails when any of 200 reports has a finding.
#
#   bash tests/bench/soak.sh [SECONDS [DIAGNOSES [VARIANT]]]
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60} wanted=${2:-200} variant=${3:-O2}
pstuck=build/pstuck crowd=build/samples/$variant/healthy_crowd
[ -x "$crowd" ] || { echo "There is no $crowd: build with -DPSTUCK_TESTS=ON first." >&2; exit 2; }

coproc crowd { exec "$crowd"; }
pid=$crowd_PID
report=$(mktemp)
trap 'kill "$pid" 2>/dev/null; rm -f "$report"' EXIT
while read -r fact <&"${crowd[0]}" && [ "$fact" != ready ]; do :; done

count_rounds() {
  echo >&"${crowd[1]}"
  read -r -t 20 _ rounds <&"${crowd[0]}" || { echo "The crowd itself hangs." >&2; exit 2; }
  echo "$rounds"
}

first=$(count_rounds) looks=0 findings=0 began=$SECONDS
while [ "$looks" -lt "$wanted" ] || [ $((SECONDS - began)) -lt "$seconds" ]; do
  status=0
  "$pstuck" --exit-code "$pid" >"$report" || status=$?
  [ "$status" -le 1 ] || { echo "pstuck failed with status $status." >&2; exit 2; }
  looks=$((looks + 1))
  if [ "$status" -eq 1 ]; then
    findings=$((findings + 1))
    cat "$report"
  fi
done
last=$(count_rounds)
echo "$looks diagnoses in $((SECONDS - began)) s of 500 threads that played $((last - first)) rounds:" \
  "$findings with a finding."
[ "$findings" -eq 0 ] && [ "$last" -gt "$first" ]
