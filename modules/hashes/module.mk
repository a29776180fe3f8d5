hashes_DS := table dict listpack ziplist
