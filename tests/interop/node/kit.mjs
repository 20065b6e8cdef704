// What every behaviour needs: accounts over HTTP, the SDK over `ws`, and waiting for events with a deadline.
// The node's address comes in RIALTO_URL.

import { randomUUID } from 'node:crypto';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';

export const url = process.env.RIALTO_URL ?? fail('RIALTO_URL is not set: run it by tests/run interop');
export const socketUrl = `${url.replace(/^http/, 'ws')}/connection/websocket`;

/** How long an event may take; generous, since the machine may be shared. */
const PATIENCE_MS = 30_000;

function fail(reason) {
  throw new Error(reason);
}

/** One HTTP call; the answer must have one of these statuses. */
export async function http(method, path, { token, body, statuses = [200, 201, 204] } = {}) {
  const headers = { 'content-type': 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!statuses.includes(answer.status)) fail(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** A fresh account: `{ id, username, token }`. */
export async function register(name) {
  const username = `${name}-${randomUUID().slice(0, 8)}`;
  const body = { username, password: 'correct-horse-7-battery', display_name: name };
  const made = await http('POST', '/v1/auth/register', { body });
  return { id: made.user.id, username, password: body.password, token: made.token };
}

/** A new access token of the same account. */
export async function logIn(user) {
  const body = { username: user.username, password: user.password };
  return (await http('POST', '/v1/auth/login', { body })).token;
}

/** A group of `owner` and others; gives its id. */
export async function createGroup(owner, ...others) {
  const body = { kind: 'group', title: 'interop', members: others.map((user) => user.id), client_id: randomUUID() };
  return (await http('POST', '/v1/conversations', { token: owner.token, body })).id;
}

/** Sends a message over HTTP; gives its offset. */
export async function send(user, conversation, text) {
  const body = { client_id: randomUUID(), text };
  return (await http('POST', `/v1/conversations/${conversation}/messages`, { token: user.token, body })).offset;
}

/** Waits until `promise` settles, at most PATIENCE_MS. */
export function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Keeps every event of one kind, so that none is missed between two waits. */
export function collect(emitter, event) {
  const seen = [];
  const waiting = [];
  emitter.on(event, (context) => {
    const next = waiting.shift();
    if (next) next(context);
    else seen.push(context);
  });
  return {
    seen,
    next: () => (seen.length ? Promise.resolve(seen.shift()) : within(event, new Promise((done) => waiting.push(done)))),
    async until(wanted) {
      for (;;) {
        const context = await this.next();
        if (wanted(context)) return context;
      }
    },
  };
}

/** A WebSocket class whose open sockets can be cut as a lost network would cut them. */
export function cuttableWebSocket() {
  const open = new Set();
  class Cuttable extends WebSocket {
    constructor(...args) {
      super(...args);
      open.add(this);
      this.on('close', () => open.delete(this));
    }
  }
  Cuttable.cutAll = () => open.forEach((socket) => socket.terminate());
  return Cuttable;
}

/** The SDK, connected; the test's context disconnects it at the end. */
export async function connect(t, user, options = {}) {
  const client = new Centrifuge(socketUrl, { websocket: WebSocket, token: user.token, minReconnectDelay: 20, ...options });
  t.after(() => client.disconnect());
  client.connect();
  await within('connected', client.ready());
  return client;
}

/** A subscription that is subscribed. */
export async function subscribe(client, channel, options = {}) {
  const subscription = client.newSubscription(channel, options);
  subscription.subscribe();
  await within(`subscribed to ${channel}`, subscription.ready());
  return subscription;
}

/** A topic that nobody else uses. */
export const freshTopic = () => `interop-${randomUUID()}`;
