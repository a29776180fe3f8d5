sets_DS := table dict listpack intset
