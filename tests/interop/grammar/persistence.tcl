# Saving. Left out: SAVE and BGSAVE that succeed often (they cost time and their replies depend on
# what runs), BGREWRITEAOF for the same reason.

group persistence {
    1  LASTSAVE
    1  LASTSAVE @value
    1  SAVE @value
    1  BGSAVE (FOO|SCHEDULE x|"")
    1  BGREWRITEAOF @value
}

intact "bgsave*" "one that begins answers by what runs"
intact "bgrewriteaof*" "one that begins answers by what runs"
