// Adds a member and shows the link with which that person gets in.
'use client';
import UserPlus from 'lucide-react/icons/user-plus';
import { useState, type FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Dialog, DialogActions } from '../ui/dialog';
import { TextField } from '../ui/text-field';
import { useAsked } from '../use-asked';
import { useCall } from '../use-call';
import { InviteLink } from './invite-link';
import { emailsIn, MemberFields, type MemberDraft } from './member-fields';
import type { GroupChoice } from './words';

const blank: MemberDraft = { name: '', role: 'member', groups: [], asanaEmails: '' };

export function InvitePerson({ groups, listed }: { groups: readonly GroupChoice[]; listed: boolean }) {
  const [open, setOpen] = useAsked('invite');
  const [draft, setDraft] = useState<MemberDraft>(blank);
  const [invited, setInvited] = useState<{ email: string; url: string } | null>(null);
  const { pending, problem, run, reset } = useCall();

  async function invite(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const email = String(new FormData(event.currentTarget).get('email')).trim();
    const { asanaEmails, groups: slugs, ...rest } = draft;
    const done = await run(() =>
      call('POST /members', {
        body: {
          ...rest,
          email,
          groups: [...slugs],
          ...(listed ? { asanaEmails: emailsIn(asanaEmails) } : {}),
        },
      }),
    );
    if (done) setInvited({ email, url: 'inviteUrl' in done.answer ? done.answer.inviteUrl : '' });
  }

  return (
    <>
      <Button
        variant="primary"
        icon={<UserPlus aria-hidden="true" />}
        onClick={() => {
          reset();
          setDraft(blank);
          setInvited(null);
          setOpen(true);
        }}
      >
        Invite
      </Button>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        sticky
        title={invited ? 'Invited' : 'Invite a person'}
        description={invited ? undefined : 'You get a link to hand over; Gatehouse sends no mail.'}
      >
        {invited ? (
          <>
            <InviteLink {...invited} />
            <DialogActions>
              <Button
                variant="primary"
                onClick={() => {
                  setOpen(false);
                  setInvited(null);
                  setDraft(blank);
                }}
              >
                I have copied it
              </Button>
            </DialogActions>
          </>
        ) : (
          <form onSubmit={(event) => void invite(event)} className="flex flex-col gap-4">
            <Problem problem={problem} />
            <TextField
              label="E-mail"
              name="email"
              type="email"
              required
              autoComplete="off"
              hint="They sign in with it. Best the one of their Asana account."
            />
            <MemberFields draft={draft} groups={groups} listed={listed} onChange={setDraft} />
            <DialogActions>
              <Button onClick={() => setOpen(false)}>Cancel</Button>
              <Button type="submit" variant="primary" loading={pending}>
                Create invite
              </Button>
            </DialogActions>
          </form>
        )}
      </Dialog>
    </>
  );
}
