// The keyboard shortcuts, and the switch that turns the single-key ones off.
'use client';
import { useState } from 'react';
import { roomsOf, type Role } from '../shell/rooms';
import { Dialog } from '../ui/dialog';
import { Keys } from '../ui/keys';
import { Switch } from '../ui/switch';
import { setShortcutsOn, shortcutsOn } from './shortcut-keys';

export default function Shortcuts({ role, onClose }: { role: Role; onClose: () => void }) {
  const [on, setOn] = useState(shortcutsOn);
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title="Keyboard shortcuts"
    >
      <dl className="divide-line divide-y text-sm">
        <Line keys={['⌘ or Ctrl', 'K']} text="Search or do" />
        <Line keys={['?']} text="These shortcuts" />
        {roomsOf(role).map(({ href, text, key }) => (
          <Line key={href} keys={['G', key.toUpperCase()]} text={text} />
        ))}
      </dl>
      <div className="mt-4">
        <Switch
          checked={on}
          onChange={(event) => {
            setShortcutsOn(event.target.checked);
            setOn(event.target.checked);
          }}
        >
          Single-key shortcuts in this browser
        </Switch>
      </div>
    </Dialog>
  );
}

function Line({ keys, text }: { keys: readonly string[]; text: string }) {
  return (
    <div className="flex items-center justify-between gap-4 py-1.5">
      <dt>{text}</dt>
      <dd>
        <Keys keys={keys} />
      </dd>
    </div>
  );
}
