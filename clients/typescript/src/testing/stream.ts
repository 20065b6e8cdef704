import { LIMITS } from '../protocol/codes.ts';
import type { HistoryResult, Publication, SubscribeResult } from '../protocol/types.ts';

/** A channel's numbered publications, dense from 1, and the rules of reading and recovering them. */
export class Stream {
  readonly publications: Publication[] = [];

  constructor(readonly epoch: string) {}

  get top(): number {
    return this.publications.length;
  }

  push(data: unknown, info?: Publication['info']): Publication {
    const publication = { data, ...(info === undefined ? {} : { info }), offset: this.top + 1 };
    this.publications.push(publication);
    return publication;
  }

  /** Recovery is whole or not at all. */
  subscribe({ recover, offset = 0, epoch = '' }: { readonly recover?: boolean; readonly offset?: number; readonly epoch?: string }): SubscribeResult {
    const begins = { recoverable: true, epoch: this.epoch, positioned: true };
    if (recover !== true) return { ...begins, ...atLeastOne('offset', this.top) };
    const isKnown = (epoch === '' || epoch === this.epoch) && offset <= this.top && this.top - offset <= LIMITS.publicationsPerAnswerMax;
    if (!isKnown) return { ...begins, ...atLeastOne('offset', this.top), was_recovering: true };
    const publications = this.publications.slice(offset);
    return { ...begins, ...(publications.length === 0 ? {} : { publications }), recovered: true, ...atLeastOne('offset', offset), was_recovering: true };
  }

  /** Null when the position lies in another epoch. */
  history({ limit = 0, since, reverse }: { readonly limit?: number; readonly since?: { readonly offset?: number; readonly epoch?: string } | undefined; readonly reverse?: boolean }): HistoryResult | null {
    const { offset, epoch = '' } = since ?? {};
    if (epoch !== '' && epoch !== this.epoch) return null;
    const count = limit < 0 ? LIMITS.publicationsPerAnswerMax : Math.min(limit, LIMITS.publicationsPerAnswerMax);
    const behind = reverse === true
      ? this.publications.slice(0, offset === undefined ? undefined : Math.max(0, offset - 1)).reverse()
      : this.publications.slice(offset ?? 0);
    const publications = behind.slice(0, count);
    return { ...(publications.length === 0 ? {} : { publications }), epoch: this.epoch, ...atLeastOne('offset', this.top) };
  }
}

/** Zero values are left out on the wire. */
function atLeastOne(name: string, value: number): object {
  return value === 0 ? {} : { [name]: value };
}
