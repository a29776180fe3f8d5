// node-redis.js HOST PORT - node-redis against a server, in RESP2 and, where the library has it,
// RESP3.
//
// Prints a line per failed expectation and ends with status 1 when there was one.
const assert = require('assert');
const { createClient } = require('redis');

const [host, port] = process.argv.slice(2);
const failures = [];

async function run(RESP) {
    async function expect(what, promise, wanted) {
        try {
            assert.deepStrictEqual(await promise, wanted);
        } catch (e) {
            failures.push(`RESP${RESP} ${what}: ${e.message}`);
        }
    }
    const r = createClient({ socket: { host, port: +port }, database: 4, RESP });
    r.on('error', (e) => failures.push(`RESP${RESP} connection: ${e.message}`));
    await r.connect();
    await expect('FLUSHDB', r.flushDb(), 'OK');
    await expect('SET', r.set('k', 'v', { EX: 100, NX: true }), 'OK');
    await expect('GET', r.get('k'), 'v');
    await expect('GET of a missing key', r.get('none'), null);
    await expect('MSET', r.mSet({ a: '1', b: '2' }), 'OK');
    await expect('MGET', r.mGet(['a', 'b', 'none']), ['1', '2', null]);
    await expect('INCRBY', r.incrBy('a', 41), 42);
    await expect('INCR in one turn', Promise.all([r.incr('n'), r.incr('n'), r.incr('n')]), [1, 2, 3]);
    await expect('TTL', r.ttl('k').then((t) => t > 90), true);
    await expect('EXISTS', r.exists(['k', 'a', 'none']), 2);
    await expect('INCR of text', r.incr('k').then(() => '', (e) => e.message),
        'ERR value is not an integer or out of range');
    await expect('CONFIG GET', r.configGet('port').then((m) => ({ ...m })), { port });
    await expect('INFO', r.info('server').then((t) => /redis_version:7/.test(t)), true);
    let found = 0;
    for await (const keys of r.scanIterator({ COUNT: 1 })) found += [].concat(keys).length;
    await expect('scanIterator finds each key', Promise.resolve(found), 4);
    await expect('FLUSHDB at the end', r.flushDb(), 'OK');
    await (r.close ? r.close() : r.quit());
}

(async () => {
    await run(2);
    await run(3);
    console.log(failures.join('\n') || 'ok');
    process.exit(failures.length ? 1 : 0);
})().catch((e) => { console.log(e); process.exit(1); });
