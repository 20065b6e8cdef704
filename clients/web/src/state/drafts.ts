/** Conversations whose drafts are kept; the longest untouched one goes first. */
const DRAFTS_MAX = 100;
/** A draft is what somebody types: a pasted book is kept as long as the page lives only. In UTF-16 units. */
const DRAFT_LENGTH_MAX = 40_000;

/** What a person has begun to write, by conversation; it outlives the page, in this browser, until it is sent or the person logs out. */
export class Drafts {
  private readonly key: string;
  /** In order of their last change. */
  private readonly texts: Map<string, string>;

  constructor(user: string) {
    this.key = `rialto.drafts.${user}`;
    this.texts = read(this.key);
    window.addEventListener('storage', this.hear);
  }

  get(conversation: string): string {
    return this.texts.get(conversation) ?? '';
  }

  set(conversation: string, text: string): void {
    if (text === this.get(conversation)) return;
    this.texts.delete(conversation);
    if (text.trim() !== '') this.texts.set(conversation, text);
    for (const oldest of this.texts.keys()) {
      if (this.texts.size <= DRAFTS_MAX) break;
      this.texts.delete(oldest);
    }
    this.write();
  }

  clear(): void {
    this.texts.clear();
    this.write();
  }

  stop(): void {
    window.removeEventListener('storage', this.hear);
  }

  /** Another tab of the same person writes too: its other drafts must not be undone by ours. */
  private readonly hear = (event: StorageEvent): void => {
    if (event.key !== this.key) return;
    this.texts.clear();
    for (const [conversation, text] of read(this.key)) this.texts.set(conversation, text);
  };

  private write(): void {
    const kept = [...this.texts].filter(([, text]) => text.length <= DRAFT_LENGTH_MAX);
    try {
      if (kept.length === 0) localStorage.removeItem(this.key);
      else localStorage.setItem(this.key, JSON.stringify(kept));
    } catch {
      // Storage may be full or forbidden; then drafts live as long as the page.
    }
  }
}

function read(key: string): Map<string, string> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    if (!Array.isArray(kept)) return new Map();
    return new Map(kept.filter((entry): entry is [string, string] => Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'string'));
  } catch {
    return new Map();
  }
}
