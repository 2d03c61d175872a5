// An invite link, shown once to the admin who hands it over.
import { Callout } from '../ui/callout';
import { CopyField } from '../ui/copy-field';

export function InviteLink({ url, email }: { url: string; email: string }) {
  return (
    <>
      <Callout tone="warn" live className="mb-4" title="Copy it now: it is shown only once">
        Send it to {email} yourself, over a channel you trust. It works once, for seven days; a newer link for
        the same person replaces it.
      </Callout>
      <CopyField value={url} what="invite link" label="Invite link" />
    </>
  );
}
