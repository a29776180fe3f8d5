# Connection commands. Left out: QUIT, CLIENT KILL, PAUSE and REPLY (they end or silence the
# connection that compares), SUBSCRIBE (its replies are pushes).

group connection {
    6  PING
    3  PING @value
    6  ECHO @value
    6  SELECT @db
    1  AUTH @value [@value]
    1  HELLO [2|3] [SETNAME @name]
    1  HELLO @anyint
    1  HELLO 3 [AUTH @name @value] [SETNAME @name]
    1  RESET
    2  CLIENT ID
    2  CLIENT GETNAME
    2  CLIENT SETNAME @name
    1  CLIENT INFO
    1  CLIENT LIST [TYPE (normal|master|replica|pubsub|@name)]
    1  CLIENT LIST ID @anyint...
    1  CLIENT NO-EVICT (ON|OFF|@name)
    1  CLIENT GETREDIR
    1  CLIENT TRACKINGINFO
    1  CLIENT UNBLOCK @bigint [TIMEOUT|ERROR]
    1  CLIENT UNPAUSE
    1  CLIENT @name [@value]
    1  NOSUCHCOMMAND @value...
}

proc gen::name {} {
    return [pick [list conn name1 a "" "with space" "line\nbreak" "b\xff" ON yes foo]]
}
