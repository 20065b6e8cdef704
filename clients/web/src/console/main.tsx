import { render } from 'preact';
import { Auth } from '../state/auth.ts';
import { followTheme } from '../state/theme.ts';
import { App } from './App.tsx';

followTheme();
const root = document.getElementById('app');
if (root !== null) render(<App auth={new Auth()} />, root);
