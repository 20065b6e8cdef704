// Compiles test/**/*.test.ts with esbuild into a folder of its own and runs them with node:test; words on the command line pick files.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(fileURLToPath(import.meta.url));
// Inside node_modules, so that what stays outside of the bundles is found.
const out = mkdtempSync(join(root, 'node_modules', '.tests-'));
try {
  const words = process.argv.slice(2);
  const isWanted = (name) => name.endsWith('.test.ts') && (words.length === 0 || words.some((word) => name.includes(word)));
  const tests = readdirSync(join(root, 'test'), { recursive: true }).filter(isWanted).sort();
  await build({
    absWorkingDir: root,
    entryPoints: tests.map((name) => join('test', name)),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    conditions: ['rialto-source'],
    external: ['ws'],
  });
  const files = readdirSync(out, { recursive: true }).filter((name) => name.endsWith('.mjs')).map((name) => join(out, name));
  const run = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], { stdio: 'inherit', cwd: root });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
