#!/bin/sh
# run.sh BUILD NAME SECONDS - one fuzzer over its corpus. New inputs go to BUILD/corpus-NAME, which
# later runs start from too; a finding goes to BUILD/found, and the exit code is not 0 then.
set -e
build=$1 name=$2 seconds=$3
fresh=$build/corpus-$name found=$build/found log=$build/fuzz-$name.log
mkdir -p "$fresh" "$found"
export ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1:handle_abort=1:$ASAN_OPTIONS"
export UBSAN_OPTIONS="print_stacktrace=1:$UBSAN_OPTIONS"
export LSAN_OPTIONS="report_objects=0:$LSAN_OPTIONS"
if "$build/fuzz-$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=4096 -max_len=4096 \
    -detect_leaks=0 -print_final_stats=1 -artifact_prefix="$found/$name-" "$fresh" "tests/fuzz/corpus/$name" \
    >"$log" 2>&1; then
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, nothing found"
else
    sed -n '/ERROR\|runtime error\|panic\|ASSERT/,$p' "$log" | head -60
    echo "$name: failed, see $log and $found"
    exit 1
fi
