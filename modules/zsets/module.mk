zsets_DS := table dict listpack ziplist ordered
