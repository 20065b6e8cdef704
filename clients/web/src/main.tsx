import { render } from 'preact';
import { Auth } from './state/auth.ts';
import { followTheme } from './state/theme.ts';
import { App } from './ui/App.tsx';

const root = document.getElementById('app');
followTheme();
if (root !== null) render(<App auth={new Auth()} />, root);

// Without a worker (an unsafe origin, a browser that forbids it) the app is the same, only not there offline.
if ('serviceWorker' in navigator) navigator.serviceWorker.register('/sw.js').catch(() => undefined);
