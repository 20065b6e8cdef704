import { Store } from '../lib/store.ts';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'rialto.theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

function kept(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}

/** Light, dark, or what the system says; kept in this browser. */
export const theme = new Store<Theme>(kept());

export function setTheme(wanted: Theme): void {
  theme.set(wanted);
  try {
    if (wanted === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, wanted);
  } catch {
    // Storage may be forbidden; then it holds as long as the page.
  }
}

function show(): void {
  const isDark = theme.value === 'dark' || (theme.value === 'system' && dark.matches);
  document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light';
}

/** Colours the page, now and whenever the choice or the system changes. */
export function followTheme(): void {
  show();
  theme.watch(show);
  dark.addEventListener('change', show);
}
