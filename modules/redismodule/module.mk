# Ordered dictionaries are radix trees.
redismodule_DS := radix
