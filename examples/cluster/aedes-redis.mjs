// The small form of a cluster: several aedes brokers, one on each machine, that share what they know through Redis.
// The packages are yours to install, Konsil does not bring them:
//
//   npm install aedes@1 aedes-persistence-redis@11 mqemitter-redis@7
//   REDIS_URL=redis://127.0.0.1:6379 USERS=users.json TLS_CERT=broker.pem TLS_KEY=broker.key PORT=8883 node aedes-redis.mjs
//
// users.json is the file of `konsil broker adduser`. One machine alone is better served by `konsil broker`.
import { scryptSync, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:tls';
import { Aedes } from 'aedes';
import persistence from 'aedes-persistence-redis';
import emitter from 'mqemitter-redis';

const { REDIS_URL = 'redis://127.0.0.1:6379', USERS, TLS_CERT, TLS_KEY, PORT = '8883' } = process.env;
if (!USERS || !TLS_CERT || !TLS_KEY) throw new Error('set USERS, TLS_CERT and TLS_KEY');

const MAILBOX = '[\\w-]{22}';
const JOIN = new RegExp(`^konsil/1/join/${MAILBOX}/(pod|modeller)$`);
const INBOX = new RegExp(`^konsil/1/in/${MAILBOX}$`);
const PRESENCE = new RegExp(`^konsil/1/up/${MAILBOX}$`);
const notAllowed = () => new Error('topic not allowed');

const aedes = await Aedes.createBroker({
  mq: emitter(redisOptions(REDIS_URL)),
  persistence: persistence(redisOptions(REDIS_URL)),
  concurrency: 1000,
  maxClientsIdLength: 64,
});
const users = new WeakMap();

aedes.authenticate = (client, username, password, done) => {
  // read at each login, so that `konsil broker adduser` lets somebody in while the broker runs
  const all = JSON.parse(readFileSync(USERS, 'utf8'));
  const user = username && Object.hasOwn(all, username) ? all[username] : undefined;
  const expected = Buffer.from(user?.hash ?? '', 'base64url');
  const given = scryptSync(password ?? '', Buffer.from(user?.salt ?? '', 'base64url'), 32);
  if (expected.length !== given.length || !timingSafeEqual(expected, given))
    return done(Object.assign(new Error('not authorised'), { returnCode: 5 }), false);
  users.set(client, username);
  done(null, true);
};

aedes.authorizePublish = (client, { topic }, done) => {
  const own = client && topic === `konsil/1/up/${users.get(client)}`;
  done(own || INBOX.test(topic) || JOIN.test(topic) ? null : notAllowed());
};

aedes.authorizeSubscribe = (client, subscription, done) => {
  const { topic } = subscription;
  const allowed = topic === `konsil/1/in/${users.get(client)}` || PRESENCE.test(topic) || JOIN.test(topic);
  done(null, allowed ? subscription : null);
};

createServer({ cert: readFileSync(TLS_CERT), key: readFileSync(TLS_KEY) }, aedes.handle).listen(Number(PORT), () =>
  process.stdout.write(`listening on ${PORT}\n`),
);

function redisOptions(url) {
  const { hostname, port, username, password, protocol } = new URL(url);
  return {
    host: hostname,
    port: Number(port || 6379),
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
}
