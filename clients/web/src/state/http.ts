import { HttpError } from './errors.ts';

/** How long an HTTP call may take, in milliseconds. */
const HTTP_TIMEOUT_MS = 15_000;

interface Problem {
  code?: string;
  detail?: string;
  title?: string;
  retry_after_ms?: number;
}

/** Calls our own server and answers with its JSON, or throws an `HttpError`. */
export async function call<T>(method: string, path: string, body?: unknown, token?: string): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(HTTP_TIMEOUT_MS) };
  if (body !== undefined) init.body = JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new HttpError(0, 'offline', '', null);
  }
  const answer = (await response.json().catch(() => ({}))) as T & Problem;
  if (response.ok) return answer;
  const { code = '', detail, title, retry_after_ms: retryAfterMs } = answer;
  throw new HttpError(response.status, code, detail ?? title ?? '', retryAfterMs ?? null);
}
