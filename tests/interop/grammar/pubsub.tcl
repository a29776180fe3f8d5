# Publishing and asking. Left out: the commands that listen, whose answers are pushes and not one a
# command (tests/interop/pubsub.tcl has them).

group pubsub {
    6  PUBLISH @value @value
    4  SPUBLISH @key @value
    2  PUBSUB CHANNELS [@pattern]
    2  PUBSUB SHARDCHANNELS [@pattern]
    2  PUBSUB NUMPAT
    2  PUBSUB NUMSUB @value...
    2  PUBSUB SHARDNUMSUB @value...
    1  PUBSUB (NUMSUB|SHARDNUMSUB|HELP)
    1  PUBSUB CHANNELS @pattern @value
    1  PUBSUB @name [@value]
}
