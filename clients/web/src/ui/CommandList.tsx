import type { JSX } from 'preact';
import { usageOf } from '../model/commands.ts';
import type { Command } from '../model/types.ts';
import { useName } from '../state/profiles.ts';
import { useSession } from './context.ts';

/** The list's id, for the box that it completes. */
export const COMMAND_LIST_ID = 'command-list';

export function optionId(index: number): string {
  return `${COMMAND_LIST_ID}-${index}`;
}

interface Props {
  commands: readonly Command[];
  active: number;
  onPick: (command: Command) => void;
}

/** Commands to choose from. The focus stays in the box: its arrow keys move the choice. */
export function CommandList({ commands, active, onPick }: Props): JSX.Element {
  return (
    <ul class="command-list" role="listbox" id={COMMAND_LIST_ID} aria-label="Commands">
      {commands.map((command, index) => (
        <CommandEntry key={`${command.name} ${command.bot}`} id={optionId(index)} command={command} isActive={index === active} onPick={onPick} />
      ))}
    </ul>
  );
}

function CommandEntry({ id, command, isActive, onPick }: { id: string; command: Command; isActive: boolean; onPick: Props['onPick'] }): JSX.Element {
  const bot = useName(useSession().profiles, command.bot);
  return (
    <li role="option" id={id} aria-selected={isActive} class={isActive ? 'active' : ''}
      onPointerDown={(event) => {
        // The box keeps the focus.
        event.preventDefault();
        onPick(command);
      }}>
      <strong>/{command.name}</strong> <code>{usageOf(command)}</code>
      <span>{command.description}</span>
      <small>{bot}</small>
    </li>
  );
}
