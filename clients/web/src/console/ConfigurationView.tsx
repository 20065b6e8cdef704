import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { explain } from '../state/errors.ts';
import type { Api } from './api.ts';

export function ConfigurationView({ api }: { api: Api }): JSX.Element {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  useEffect(() => {
    api.configuration().then(({ toml }) => setText(toml), (error: unknown) => setProblem(explain(error)));
  }, [api]);
  return (
    <section class="panel">
      <h2>Effective configuration</h2>
      <p class="quiet">What file, environment and command line give together. Secrets are masked.</p>
      <p class="form-problem" role="alert">{problem}</p>
      <pre class="scroll" role="region" tabIndex={0} aria-label="Configuration as TOML">{text}</pre>
    </section>
  );
}
