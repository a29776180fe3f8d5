# SLOWLOG and LATENCY, as far as answers do not depend on how long things took: logs that nothing
# gets into.

group stats {
    2  SLOWLOG LEN
    2  SLOWLOG GET [@count]
    1  SLOWLOG GET (-1|-2|abc|""|1 2)
    1  SLOWLOG RESET
    1  SLOWLOG (LEN|RESET|HELP) [@value]
    1  SLOWLOG @name
    2  LATENCY LATEST
    2  LATENCY RESET [@name...]
    2  LATENCY HISTORY @name
    1  LATENCY GRAPH @name
    1  LATENCY HISTOGRAM (nosuch|"")
    1  LATENCY (HISTORY|GRAPH|LATEST|DOCTOR) [@value...]
    1  LATENCY @name
    1  MONITOR @value
    1  CONFIG SET (slowlog-log-slower-than|slowlog-max-len) (-5|abc|""|1.5)
    1  CONFIG SET latency-monitor-threshold (-1|abc|""|0)
}

intact "monitor*" "without an argument it would show all that follows"
