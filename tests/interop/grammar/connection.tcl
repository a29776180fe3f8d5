# Connection commands. Left out: QUIT and CLIENT KILL of a client that exists, CLIENT REPLY OFF and
# SKIP, CLIENT PAUSE for a while (they end, silence or hold the connection that compares), SUBSCRIBE
# (its replies are pushes), CLIENT NO-TOUCH and SETINFO (the real server has them from 7.2 on).

group connection {
    6  PING
    3  PING @value
    6  ECHO @value
    6  SELECT @db
    1  SELECT @value
    1  AUTH @value [@value]
    1  AUTH default @value
    1  AUTH @name @name @name
    1  HELLO [2|3] [SETNAME @name]
    1  HELLO @anyint
    2  HELLO (2|3) [AUTH @user @value] [SETNAME @name]
    1  HELLO (2|3) SETNAME @name AUTH @user @value
    1  HELLO (2|3) (AUTH|SETNAME|AUTH default|FOO|SETNAME a SETNAME b|SETNAME a b|AUTH a b c)
    1  HELLO (2.0|03|+3|4|1|0|abc|"") [SETNAME @name]
    1  RESET
    1  RESET @value
    2  CLIENT ID
    1  CLIENT ID @value
    2  CLIENT GETNAME
    2  CLIENT SETNAME @name
    1  CLIENT SETNAME @value
    1  CLIENT INFO
    1  CLIENT LIST [TYPE (normal|master|replica|pubsub|slave|@name)]
    1  CLIENT LIST ID @anyint...
    1  CLIENT LIST (ID|TYPE|FOO|ID abc|TYPE normal normal)
    1  CLIENT NO-EVICT (ON|OFF|@name)
    1  CLIENT REPLY (ON|@name)
    1  CLIENT PAUSE (0|-1|abc|1.5|9223372036854775808) [ALL|WRITE|@name]
    1  CLIENT KILL (1.2.3.4:5|nosuch|ID|@name)
    2  CLIENT KILL (ID @noid|ADDR 1.2.3.4:5|LADDR 1.2.3.4:5|TYPE (master|replica|pubsub|slave))...
    1  CLIENT KILL (ID|TYPE|USER|SKIPME|ADDR|FOO|MAXAGE) (0|-1|abc|nosuch|"")
    1  CLIENT KILL ID @noid (SKIPME (yes|no|maybe)|USER (default|nosuch)|FOO|ID)
    1  CLIENT GETREDIR
    1  CLIENT TRACKINGINFO
    1  CLIENT UNBLOCK @noid [TIMEOUT|ERROR|@name]
    1  CLIENT UNBLOCK @value
    1  CLIENT UNPAUSE
    1  CLIENT @name [@value]
    2  @unknown [@value...]
    1  @unknown @odd @odd @odd [@value...]
    1  (CLIENT|CONFIG|OBJECT|MEMORY|COMMAND) @unknown [@value...]
}

intact "client pause*" "a long pause would hold the connection that compares"
intact "client kill*" "it could kill the connection that compares"
intact "client reply*" "it could be silenced"
realign hello*setname* {client setname c} "a HELLO that fails sets no name, since 7.2"

proc gen::name {} {
    return [pick [list conn name1 a "" "with space" "line\nbreak" "b\xff" ON yes foo ~ ! "a\tb"]]
}
proc gen::user {} {return [pick {default default default nosuch Default ""}]}
# Ids that no client has.
proc gen::noid {} {return [pick {100000 4294967296 9223372036854775807 100000}]}

# What no server knows: such a command is repeated in the error, cut and cleaned.
proc gen::unknown {} {
    return [pick [list nosuchcommand NOSUCH "" " " "no\r\nsuch" "bin\0x" "\xff\xfe" "get " " get" \
        "get|foo" "config|get" "client|nosuch" "'" "it's" "%s%n" [string repeat n 127] \
        [string repeat n 128] [string repeat n 129] [string repeat Long 200]]]
}
