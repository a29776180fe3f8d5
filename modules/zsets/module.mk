zsets_DS := table dict listpack ordered
