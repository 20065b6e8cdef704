/** Messages on their way at once. */
const AT_ONCE = 64;

/** Somebody without a browser who has a lot to say. */
export class Writer {
  static async arrives(url, username) {
    const writer = new Writer(url);
    const { token } = await writer.call('/v1/auth/register', { username, password: 'something long enough!' });
    writer.token = token;
    return writer;
  }

  constructor(url) {
    this.url = url;
  }

  async call(path, body) {
    const headers = { 'content-type': 'application/json', ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }) };
    const answer = await fetch(this.url + path, { method: body === undefined ? 'GET' : 'POST', headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  /** Creates a group with a reader and says all texts, in about their order. */
  async writes(title, reader, texts) {
    const { id: user } = await this.call(`/v1/users?username=${reader}`);
    const { id } = await this.call('/v1/conversations', { kind: 'group', title, members: [user] });
    let next = 0;
    const say = async () => {
      for (let index = next++; index < texts.length; index = next++) {
        await this.call(`/v1/conversations/${id}/messages`, { client_id: `entry-${index}`, text: texts[index] });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, say));
  }
}
