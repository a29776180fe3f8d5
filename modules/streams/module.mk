streams_DS := radix listpack
