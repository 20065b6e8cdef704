import { render } from 'preact';
import { Auth } from '../state/auth.ts';
import { App } from './App.tsx';

const root = document.getElementById('app');
if (root !== null) render(<App auth={new Auth()} />, root);
