import { Component, h } from 'preact';
import type { ComponentType, JSX } from 'preact';

/** Renders again only when `isSame` says that something changed. (Preact has this only in its React compatibility part.) */
export function memo<P extends object>(render: (props: P) => JSX.Element, isSame: (a: P, b: P) => boolean): ComponentType<P> {
  const inner = render as unknown as ComponentType<object>;
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !isSame(this.props as P, next);
    }

    override render(): JSX.Element {
      return h(inner, this.props as object);
    }
  };
}
