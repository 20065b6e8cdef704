// Builds dist/ from src/ and public/. The output depends on the sources and the pinned tools alone: no time,
// no path and no random value enters it, so a rebuild of the same commit is byte for byte the same.
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, 'dist');
const NOTICE = '/*! Rialto web app, Apache-2.0. Contains Preact, MIT, (c) 2015-present Jason Miller. */';
const CONSOLE_NOTICE = '/*! Rialto console, Apache-2.0. Contains Preact, MIT, (c) 2015-present Jason Miller, and uPlot, MIT, (c) Leon Sorokin. */';

const shared = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  write: false,
  conditions: ['rialto-source'],
  format: 'iife',
  target: ['es2022', 'chrome111', 'firefox113', 'safari16.4'],
  legalComments: 'none',
  charset: 'utf8',
};

async function bundle(entry, extra = {}) {
  const result = await build({ ...shared, entryPoints: [join('src', entry)], outdir: 'dist', ...extra });
  return result.outputFiles[0].contents;
}

function hashed(name, extension, bytes) {
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  return `${name}-${digest}.${extension}`;
}

const production = { 'process.env.NODE_ENV': '"production"' };
const script = await bundle('main.tsx', { banner: { js: NOTICE }, define: production });
const style = await bundle('style/app.css');
const scriptName = hashed('app', 'js', script);
const styleName = hashed('app', 'css', style);

const page = (await readFile(join(root, 'src/index.html'), 'utf8'))
  .replace('__SCRIPT__', `/${scriptName}`)
  .replace('__STYLE__', `/${styleName}`);

const icons = (await readdir(join(root, 'public'))).sort();
const files = new Map([
  ['index.html', Buffer.from(page)],
  [scriptName, script],
  [styleName, style],
]);
for (const name of icons) files.set(name, await readFile(join(root, 'public', name)));

// The operators' console is a page of its own, which the app's worker does not know.
const consoleScript = await bundle('console/main.tsx', { banner: { js: CONSOLE_NOTICE }, define: production });
const consoleStyle = await bundle('console/console.css');
const consoleScriptName = hashed('console', 'js', consoleScript);
const consoleStyleName = hashed('console', 'css', consoleStyle);
const consolePage = (await readFile(join(root, 'src/console/page.html'), 'utf8'))
  .replace('__SCRIPT__', `/${consoleScriptName}`)
  .replace('__STYLE__', `/${consoleStyleName}`);

// The worker's version is the content of everything it keeps, so a new build always replaces the old cache.
const version = createHash('sha256');
for (const [name, bytes] of files) version.update(name).update('\0').update(bytes);
const worker = await bundle('sw.ts', {
  define: {
    __VERSION__: JSON.stringify(version.digest('hex').slice(0, 12)),
    __SHELL__: JSON.stringify(['/', `/${scriptName}`, `/${styleName}`, '/manifest.webmanifest', '/icon.svg']),
  },
});
files.set('sw.js', worker);
files.set('console.html', Buffer.from(consolePage));
files.set(consoleScriptName, consoleScript);
files.set(consoleStyleName, consoleStyle);

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
for (const [name, bytes] of files) await writeFile(join(dist, name), bytes);
for (const [name, bytes] of files) process.stdout.write(`${String(bytes.length).padStart(8)}  dist/${name}\n`);
