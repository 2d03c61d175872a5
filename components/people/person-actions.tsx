// What an admin can do about a member: change, hand out a new link, offboard.
'use client';
import Ellipsis from 'lucide-react/icons/ellipsis';
import KeyRound from 'lucide-react/icons/key-round';
import Pencil from 'lucide-react/icons/pencil';
import UserMinus from 'lucide-react/icons/user-minus';
import { useState, type FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { Dialog, DialogActions } from '../ui/dialog';
import { IconButton } from '../ui/icon-button';
import { Menu, MenuItem, MenuSeparator } from '../ui/menu';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';
import { InviteLink } from './invite-link';
import { emailsIn, MemberFields, type MemberDraft } from './member-fields';
import { Offboard } from './offboard';
import type { GroupChoice, Member } from './words';

type Deed = 'edit' | 'link' | 'offboard';

interface Given {
  member: Pick<Member, 'email' | 'name' | 'role' | 'groups' | 'asanaEmails' | 'signInReady'>;
  groups: readonly GroupChoice[];
  listed: boolean;
  self: boolean;
}

export function PersonActions({ member, groups, listed, self }: Given) {
  const [open, setOpen] = useState<Deed | null>(null);
  const close = () => setOpen(null);
  return (
    <>
      <Menu
        trigger={<IconButton label={`Actions for ${member.name}`} icon={<Ellipsis aria-hidden="true" />} />}
      >
        <MenuItem icon={<Pencil aria-hidden="true" />} onSelect={() => setOpen('edit')}>
          Change
        </MenuItem>
        <MenuItem icon={<KeyRound aria-hidden="true" />} onSelect={() => setOpen('link')}>
          {member.signInReady ? 'Reset the password' : 'New invite link'}
        </MenuItem>
        <MenuSeparator />
        <MenuItem danger icon={<UserMinus aria-hidden="true" />} onSelect={() => setOpen('offboard')}>
          Offboard
        </MenuItem>
      </Menu>
      <Dialogs {...{ member, groups, listed, self }} open={open} onClose={close} />
    </>
  );
}

/** The same as buttons, for the person's own page. */
export function PersonButtons(given: Given) {
  const [open, setOpen] = useState<Deed | null>(null);
  return (
    <>
      <Button icon={<Pencil aria-hidden="true" />} onClick={() => setOpen('edit')}>
        Change
      </Button>
      <Button icon={<KeyRound aria-hidden="true" />} onClick={() => setOpen('link')}>
        {given.member.signInReady ? 'Reset the password' : 'New invite link'}
      </Button>
      <Button
        icon={<UserMinus aria-hidden="true" />}
        onClick={() => setOpen('offboard')}
        className="text-danger!"
      >
        Offboard
      </Button>
      <Dialogs {...given} open={open} onClose={() => setOpen(null)} />
    </>
  );
}

function Dialogs({ open, onClose, ...given }: Given & { open: Deed | null; onClose: () => void }) {
  if (open === 'edit') return <Change {...given} onClose={onClose} />;
  if (open === 'link') return <NewLink member={given.member} onClose={onClose} />;
  if (open === 'offboard') return <Offboard {...given} onClose={onClose} />;
  return null;
}

function Change({ member, groups, listed, self, onClose }: Given & { onClose: () => void }) {
  const { pending, problem, run } = useCall();
  const [draft, setDraft] = useState<MemberDraft>({
    name: member.name,
    role: member.role,
    groups: member.groups,
    asanaEmails: member.asanaEmails.join(', '),
  });

  async function save(event: FormEvent) {
    event.preventDefault();
    const { asanaEmails, groups: slugs, ...rest } = draft;
    const done = await run(() =>
      call('PATCH /members/{email}', {
        path: { email: member.email },
        body: { ...rest, groups: [...slugs], ...(listed ? { asanaEmails: emailsIn(asanaEmails) } : {}) },
      }),
    );
    if (!done) return;
    onClose();
    toast('Saved', member.email);
  }

  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={`Change ${member.name}`}
      description={member.email}
    >
      <form onSubmit={(event) => void save(event)} className="flex flex-col gap-4">
        <Problem problem={problem} />
        <MemberFields draft={draft} groups={groups} listed={listed} onChange={setDraft} />
        {draft.role !== member.role && (
          <Callout tone="info">
            {self ? 'This is you: a new role signs you out.' : 'A new role signs the person out everywhere.'}{' '}
            Agent tokens and connections stay.
          </Callout>
        )}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" loading={pending}>
            Save
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

function NewLink({ member, onClose }: { member: Given['member']; onClose: () => void }) {
  const { pending, problem, run } = useCall();
  const [url, setUrl] = useState<string | null>(null);
  return (
    <Dialog
      open
      sticky
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={member.signInReady ? `Reset ${member.name}’s password` : `New invite link for ${member.name}`}
    >
      {url ? (
        <InviteLink url={url} email={member.email} />
      ) : (
        <div className="flex flex-col gap-3">
          <Problem problem={problem} />
          <p className="text-ink-2 text-sm">
            {member.signInReady
              ? 'You get a link with which they set a new password. The present password works until they do; then they are signed out everywhere. Agent tokens and connections stay.'
              : 'You get a new link with which they set a password. The earlier link stops working.'}
          </p>
        </div>
      )}
      <DialogActions>
        {url ? (
          <Button variant="primary" onClick={onClose}>
            I have copied it
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button
              variant="primary"
              loading={pending}
              onClick={async () => {
                const done = await run(() =>
                  call('POST /members/{email}/invite', { path: { email: member.email } }),
                );
                if (done) setUrl(done.answer.inviteUrl);
              }}
            >
              Create link
            </Button>
          </>
        )}
      </DialogActions>
    </Dialog>
  );
}
