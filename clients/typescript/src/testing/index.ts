/** For unit tests of bots and apps: a Rialto server in memory that speaks the real bytes, and time that tests move. */
export { Person } from './person.ts';
export { TestServer } from './server.ts';
export type { Fault, PushFault, TestServerOptions } from './server.ts';
export { VirtualTime } from './virtual-time.ts';
