// Where an invite link leads. The server never sees the link's token before the person sends the form.
import { Entrance } from '@/components/entrance/entrance';
import { InviteForm } from '@/components/entrance/invite-form';
import { MIN_PASSWORD_CHARS } from '@/lib/people/passwords';

export const metadata = { title: 'Your invite' };

export default function InvitePage() {
  return (
    <Entrance
      title="Welcome to Gatehouse"
      description="You were invited to connect your Asana account and give your agents access. Choose a password to begin."
    >
      <InviteForm minPasswordChars={MIN_PASSWORD_CHARS} />
    </Entrance>
  );
}
