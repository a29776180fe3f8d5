lists_DS := listpack ziplist
