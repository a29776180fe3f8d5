"""python.py HOST PORT - python3-redis against a server: what its users do first.

Prints a line per failed expectation and ends with status 1 when there was one.
"""
import sys
import threading

import redis

HOST, PORT = sys.argv[1], int(sys.argv[2])
failures = []


def expect(what, got, wanted):
    if got != wanted:
        failures.append(f"{what}: expected {wanted!r}, got {got!r}")


def refuses(what, error, call):
    try:
        call()
        failures.append(f"{what}: no error")
    except redis.RedisError as e:
        if error not in str(e):
            failures.append(f"{what}: expected an error with {error!r}, got {e!r}")


def strings(r):
    expect("SET", r.set("k", "v"), True)
    expect("GET", r.get("k"), "v")
    expect("GET of a missing key", r.get("none"), None)
    expect("SET NX of a present key", r.set("k", "w", nx=True), None)
    expect("SET GET", r.set("k", "w", get=True), "v")
    expect("MSET", r.mset({"a": 1, "b": "2", "c": 3.5}), True)
    expect("MGET", r.mget("a", "none", "c"), ["1", None, "3.5"])
    expect("INCRBY", r.incrby("a", 41), 42)
    expect("INCRBYFLOAT", r.incrbyfloat("c", 0.1), 3.6)
    expect("APPEND", r.append("k", "xyz"), 4)
    expect("GETRANGE", r.getrange("k", 1, -1), "xyz")
    expect("SETRANGE", r.setrange("k", 6, "!"), 7)
    expect("STRLEN", r.strlen("k"), 7)
    expect("GETDEL", r.getdel("b"), "2")
    expect("SETBIT", r.setbit("bits", 7, 1), 0)
    expect("BITCOUNT", r.bitcount("bits"), 1)
    expect("BITPOS", r.bitpos("bits", 1), 7)
    expect("BITOP", r.bitop("NOT", "not", "bits"), 1)
    expect("BITFIELD", r.bitfield("f").set("u8", 0, 255).incrby("u8", 0, 1).execute(), [0, 0])
    refuses("INCR of text", "not an integer", lambda: r.incr("k"))


def keys(r):
    r.set("e", 1, ex=100)
    expect("TTL", 99 <= r.ttl("e") <= 100, True)
    expect("PERSIST", r.persist("e"), True)
    expect("TTL without expiry", r.ttl("e"), -1)
    expect("PEXPIRE", r.pexpire("e", 100000), True)
    expect("EXPIRETIME", r.execute_command("EXPIRETIME", "e") > 1_600_000_000, True)
    expect("TYPE", r.type("e"), "string")
    expect("EXISTS", r.exists("e", "e", "none"), 2)
    expect("RENAME", r.rename("e", "e2"), True)
    expect("COPY", r.copy("e2", "e3"), True)
    expect("OBJECT ENCODING", r.object("encoding", "e3"), "int")
    payload = redis.Redis(HOST, PORT, db=7).dump("e3")
    expect("RESTORE", redis.Redis(HOST, PORT, db=7).restore("e4", 0, payload), b"OK")
    expect("DUMP and RESTORE", r.get("e4"), "1")
    expect("DEL", r.delete("e2", "e3", "e4", "none"), 3)
    pipe = r.pipeline(transaction=False)
    for i in range(1000):
        pipe.set(f"scan:{i}", i)
    expect("a pipeline of 1000", pipe.execute(), [True] * 1000)
    found = set(r.scan_iter("scan:*", count=50))
    expect("SCAN finds each key", len(found), 1000)
    expect("KEYS", len(r.keys("scan:*")), 1000)
    expect("UNLINK", r.unlink(*found), 1000)
    expect("RANDOMKEY", r.randomkey() is not None, True)


def server(r):
    expect("PING", r.ping(), True)
    expect("ECHO", r.echo("hello"), "hello")
    expect("DBSIZE", r.dbsize() > 0, True)
    info = r.info()
    expect("INFO redis_version", info["redis_version"].split(".")[0], "7")
    expect("INFO keyspace", info["db7"]["keys"], r.dbsize())
    expect("INFO commandstats", r.info("commandstats")["cmdstat_set"]["calls"] > 1000, True)
    expect("TIME", len(r.time()), 2)
    expect("CONFIG SET", r.config_set("maxclients", 777), True)
    expect("CONFIG GET", r.config_get("maxclients"), {"maxclients": "777"})
    refuses("CONFIG SET of nothing", "Unknown option", lambda: r.config_set("nothing", 1))
    expect("CLIENT SETNAME", r.client_setname("python"), True)
    expect("CLIENT LIST", [c["name"] for c in r.client_list() if c["name"]], ["python"])
    expect("CLIENT ID", r.client_id() > 0, True)
    expect("COMMAND COUNT", r.command_count() > 50, True)
    expect("COMMAND", r.command()["get"]["arity"], 2)
    expect("COMMAND GETKEYS", r.command_getkeys("MSET", "a", 1, "b", 2), ["a", "b"])
    expect("MEMORY USAGE", r.memory_usage("a") > 0, True)
    expect("MODULE LIST", "strings" in [m["name"] for m in r.module_list()], True)
    refuses("an unknown command", "unknown command", lambda: r.execute_command("NO", "SUCH"))


def binary():
    r = redis.Redis(HOST, PORT, db=7)
    blob = bytes(range(256)) * 4096
    expect("SET of a megabyte", r.set(b"\x00\xff\r\n", blob), True)
    expect("GET of a megabyte", r.get(b"\x00\xff\r\n"), blob)


def observers(r):
    with r.monitor() as monitor:
        redis.Redis(HOST, PORT, db=3).set("watched", 'a "b"')
        for seen in monitor.listen():
            if "watched" in seen["command"]:
                break
    expect("MONITOR's command", seen["command"], 'SET watched a "b"')
    expect("MONITOR's database", seen["db"], 3)
    expect("MONITOR's client", (seen["client_type"], seen["client_address"]), ("tcp", "127.0.0.1"))
    r.config_set("slowlog-log-slower-than", 0)
    r.slowlog_reset()
    r.set("slow", "1")
    r.config_set("slowlog-log-slower-than", 10000)
    entries = r.slowlog_get(10)
    expect("SLOWLOG GET", any("SET slow 1" in str(e["command"]) for e in entries), True)
    expect("SLOWLOG LEN", r.slowlog_len() >= 2, True)
    expect("SLOWLOG RESET", r.slowlog_reset(), True)
    expect("INFO commandstats", r.info("commandstats")["cmdstat_set"]["calls"] > 0, True)
    expect("INFO latencystats", "latency_percentiles_usec_set" in r.info("latencystats"), True)
    expect("INFO errorstats", r.info("errorstats")["errorstat_ERR"].startswith("count="), True)


def threads():
    pool = redis.ConnectionPool(host=HOST, port=PORT, db=7)

    def work():
        for _ in range(200):
            redis.Redis(connection_pool=pool).incr("count")

    all_ = [threading.Thread(target=work) for _ in range(10)]
    for t in all_:
        t.start()
    for t in all_:
        t.join()
    expect("INCR by ten threads", redis.Redis(HOST, PORT, db=7).get("count"), b"2000")


with redis.Redis(HOST, PORT, db=7, decode_responses=True, single_connection_client=True) as client:
    client.flushdb()
    strings(client)
    keys(client)
    server(client)
    observers(client)
    binary()
    threads()
    expect("FLUSHDB", client.flushdb(), True)
    expect("DBSIZE after FLUSHDB", client.dbsize(), 0)

print("\n".join(failures) or "ok")
sys.exit(bool(failures))
