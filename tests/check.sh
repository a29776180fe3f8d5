#!/usr/bin/env bash
# check.sh - the laws of the house, checked on sources and on what was built from them.
#
#   tests/check.sh [BUILD-DIRECTORY]
#
# 1. Modules include <keel.h>, <keel/...>, <ds/...>, their own files and libraries' headers.
# 2. The core includes nothing of a module, and names no data type and no feature.
# 3. The server exports exactly the functions that the public headers declare, all named keel_*.
# 4. A module exports keel_module alone, and needs only keel_* and what its libraries have.
#
# Prints each breach and ends with 1 when there was one. Nothing is written.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${1:-build}
breaches=0

breach() {
    echo "check: $*"
    breaches=$((breaches + 1))
}

# Every include directive as "file:line:#include ...".
includes() {
    find "$@" -name '*.[ch]' -print0 | xargs -0 -r grep -nE '^[[:space:]]*#[[:space:]]*include'
}

# --- 1. what modules include ---
while IFS=: read -r file line text; do
    name=$(sed -E 's/.*include[[:space:]]*[<"]([^>"]*)[>"].*/\1/' <<< "$text")
    folder=$(dirname "$file")
    case "$text" in
        *\"*\"*)
            [[ "$name" != *..* && "$name" != /* && -e "$folder/$name" ]] ||
                breach "$file:$line includes \"$name\", which is not a file of its own" ;;
        *\<*\>*)
            # The system's own come first: modules are compiled without the core's directory.
            [[ "$name" != *..* && ( ! -e "core/$name" || -e "include/$name" ||
                -e "/usr/include/$name" ) ]] ||
                breach "$file:$line includes <$name>, which is the core's" ;;
        *) breach "$file:$line: an include that cannot be read: $text" ;;
    esac
done < <(includes modules)

# --- 2. the core: no module, no type, no feature ---
while IFS=: read -r file line text; do
    [[ "$text" != *modules/* && "$text" != *../* ]] ||
        breach "$file:$line includes what is not the core's: $text"
done < <(includes core)

# Of data types, of persistence, of replication, of scripting, of publishing. Ordinary words with
# another sense here (hash, set, stream, string, list) are left out; their commands are not.
words='lpush|rpush|lpop|rpop|lrange|hset|hget|hgetall|sadd|srem|smembers|zadd|zrange|zset|zsets'
words+='|sorted sets?|xadd|xread|pfadd|geoadd|bitmaps?|hyperloglogs?|quicklists?|listpacks?|ziplists?'
words+='|intsets?|skiplists?|rdb files?|aof|appendonly|append-only|appendfsync|bgsave|bgrewriteaof'
words+='|replica|replicas|replicaof|slave|slaves|slaveof|psync|failover|sentinel|lua|eval|evalsha'
words+='|publish|subscribe|psubscribe'
# "RDB" is the name of the encoding that values are carried in, the codec's own word. The classes of
# client-output-buffer-limit are called what its users write.
while IFS=: read -r file line text; do
    [[ "$file" == core/settings.c && "$text" =~ KEEL_CLIENT_REPLICA|"normal 0 0 0" ]] && continue
    breach "$file:$line names a type or a feature: $(sed 's/^[[:space:]]*//' <<< "$text" | cut -c1-90)"
done < <(find core -name '*.[ch]' ! -path 'core/ds/*' -print0 | xargs -0 -r grep -nHiwE "$words")

# --- 3. what the server exports ---
if [ -x "$build/keel" ]; then
    exported=$(nm -D --defined-only --format=posix "$build/keel" | awk '{print $1}' | grep -v '@' |
        grep -vxE '_init|_fini|_start|main|_IO_stdin_used|(__)?data_start|_edata|__bss_start|_end|__asan.*|__odr_asan.*|__ubsan.*|__tsan.*|__sanitizer.*|__interceptor_.*|__lsan.*' | sort)
    [[ $build == *static* ]] && exported=$(grep -vxE "keel_module_($(ls modules | tr '\n-' '|_')x)" <<< "$exported")
    [[ $build == *san-* ]] && exported=$(grep '^keel_' <<< "$exported")
    # What stands before a declaration's first parenthesis ends with the function's name.
    declared=$(cat include/keel/*.h | tr '\n' ' ' | sed 's/KEEL_API/\n&/g' | grep '^KEEL_API' |
        sed 's/;.*//' | grep -oE '^[^(]*\(' | grep -oE 'keel_[a-z0-9_]+' | grep -vx keel_module | sort -u)
    while read -r name; do
        [ -n "$name" ] && breach "$build/keel exports $name, which no public header declares"
    done < <(comm -23 <(echo "$exported") <(echo "$declared"))
    while read -r name; do
        [ -n "$name" ] && breach "$name is declared in include/keel/ and not in $build/keel"
    done < <(comm -13 <(echo "$exported") <(echo "$declared"))
else
    breach "$build/keel is not built"
fi

# --- 4. what modules export and need ---
for so in "$build"/modules/*.so; do
    [ -e "$so" ] || continue
    own=$(nm -D --defined-only --format=posix "$so" | awk '{print $1}' | grep -v '@' |
        grep -vxE '_init|_fini|_edata|__bss_start|_end|__odr_asan.*' | tr '\n' ' ')
    [ "$own" = "keel_module " ] || breach "$so exports: ${own:-nothing}"
    while read -r name; do
        case "$name" in
            keel_*) grep -qx "$name" <<< "${exported:-}" || breach "$so needs $name, which is not there" ;;
            __asan*|__ubsan*|__tsan*|__sanitizer*|__lsan*) ;;
            *) breach "$so needs $name, which none of its libraries has" ;;
        esac
    done < <(ldd -r "$so" 2>&1 | sed -n 's/^undefined symbol: \([^[:space:]]*\).*/\1/p' | sort -u)
done

if [ "$breaches" -gt 0 ]; then
    echo "check: $breaches breaches"
    exit 1
fi
echo "check: the laws are kept"
