import type { Client } from '@rialto/client';
import { Store, useStore } from '../lib/store.ts';
import type { Profile } from '../model/types.ts';

/** Look-ups on their way at once. */
const LOOKUPS_MAX = 8;

/** Names of people, looked up when first needed and kept. */
export class Profiles {
  readonly known = new Store<ReadonlyMap<string, Profile>>(new Map());
  private readonly asked = new Set<string>();
  private readonly waiting: string[] = [];
  private running = 0;

  constructor(private readonly client: Client, me: Profile) {
    this.put(me);
  }

  put(profile: Profile): void {
    this.asked.add(profile.id);
    this.known.update((known) => new Map(known).set(profile.id, profile));
  }

  get(id: string): Profile | undefined {
    if (id !== '' && !this.asked.has(id)) {
      this.asked.add(id);
      this.waiting.push(id);
      void this.pump();
    }
    return this.known.value.get(id);
  }

  private async pump(): Promise<void> {
    if (this.running >= LOOKUPS_MAX) return;
    this.running += 1;
    for (let id = this.waiting.shift(); id !== undefined; id = this.waiting.shift()) {
      try {
        this.put(await this.client.user(id));
      } catch {
        // Asked again the next time somebody renders this name.
        this.asked.delete(id);
      }
    }
    this.running -= 1;
  }
}

/** What to call somebody; a short form of the id until the name is known. */
export function nameOf(profile: Profile | undefined): string {
  return profile === undefined ? 'Someone' : profile.display_name || profile.username;
}

/** A person's name, which appears as soon as it is known. */
export function useName(profiles: Profiles, id: string): string {
  return nameOf(useStore(profiles.known, () => profiles.get(id)));
}

/** Several people's names. */
export function useNames(profiles: Profiles, ids: readonly string[]): string[] {
  const joined = useStore(profiles.known, () => ids.map((id) => nameOf(profiles.get(id))).join('\u0000'));
  return ids.length === 0 ? [] : joined.split('\u0000');
}
