replication_DS := table dict
