// ioredis.js HOST PORT - ioredis against a server: auto-pipelining, scan streams, binary values.
//
// Prints a line per failed expectation and ends with status 1 when there was one.
const assert = require('assert');
const Redis = require('ioredis');

const [host, port] = process.argv.slice(2);
const failures = [];

async function expect(what, promise, wanted) {
    try {
        assert.deepStrictEqual(await promise, wanted);
    } catch (e) {
        failures.push(`${what}: ${e.message}`);
    }
}

async function refuses(what, promise, text) {
    await expect(what, promise.then(() => 'no error', (e) => e.message), text);
}

async function main() {
    const r = new Redis({ host, port: +port, db: 5, enableAutoPipelining: true });
    await expect('FLUSHDB', r.flushdb(), 'OK');
    await expect('SET', r.set('k', 'v', 'EX', 100), 'OK');
    await expect('GET', r.get('k'), 'v');
    await expect('GET of a missing key', r.get('none'), null);
    await expect('MSET', r.mset({ a: 1, b: 2 }), 'OK');
    await expect('MGET', r.mget('a', 'b', 'none'), ['1', '2', null]);
    await expect('INCR', r.incr('a'), 2);
    await expect('TTL', r.ttl('k').then((t) => t > 90), true);
    await expect('OBJECT ENCODING', r.object('ENCODING', 'a'), 'int');
    await refuses('INCR of text', r.incr('k'), 'ERR value is not an integer or out of range');
    const many = await Promise.all([...Array(1000).keys()].map((i) => r.set(`scan:${i}`, i)));
    await expect('1000 SETs in one turn', Promise.resolve(new Set(many).size), 1);
    const found = new Set();
    for await (const keys of r.scanStream({ match: 'scan:*', count: 100 })) {
        keys.forEach((key) => found.add(key));
    }
    await expect('scanStream finds each key', Promise.resolve(found.size), 1000);
    const blob = Buffer.from([...Array(256).keys()]);
    await expect('SET of bytes', r.set('blob', blob), 'OK');
    await expect('GET of bytes', r.getBuffer('blob'), blob);
    const replies = await r.pipeline().set('p', 1).incr('p').get('p').incr('k').exec();
    await expect('a pipeline', Promise.resolve(replies.map(([e, v]) => (e ? 'error' : v))),
        ['OK', 2, '2', 'error']);
    await expect('INFO', r.info('server').then((t) => /redis_version:7/.test(t)), true);
    await expect('CONFIG GET', r.config('GET', 'maxclients').then((l) => l[0]), 'maxclients');
    const monitor = await r.monitor();
    const seen = new Promise((resolve) => monitor.on('monitor', (time, args, source, db) => {
        if (args[1] === 'watched') resolve([args, db, /^127\.0\.0\.1:/.test(source)]);
    }));
    await r.set('watched', 'v');
    await expect('MONITOR', seen, [['set', 'watched', 'v'], '5', true]);
    monitor.disconnect();
    await expect('SLOWLOG GET', r.slowlog('GET', 1).then(Array.isArray), true);
    await expect('LATENCY HISTOGRAM', r.latency('HISTOGRAM', 'set').then((l) => l[0]), 'set');
    await expect('FLUSHDB at the end', r.flushdb(), 'OK');
    await expect('QUIT', r.quit(), 'OK');
    console.log(failures.join('\n') || 'ok');
    process.exit(failures.length ? 1 : 0);
}

main().catch((e) => { console.log(e); process.exit(1); });
