// Ends one agent of a person, by its token or the client they allowed, after saying whose agent stops. For admins.
import { ConfirmEnd } from '../confirm-end';

type Person = { email: string; name: string };

/** An agent token. */
export function EndToken({ person, token }: { person: Person; token: { id: string; name: string } }) {
  return (
    <ConfirmEnd
      operation="DELETE /members/{email}/tokens/{id}"
      input={{ path: { email: person.email, id: token.id } }}
      text="End"
      label={`End ${token.name}`}
      title="End this agent token?"
      confirm="End token"
      done="Agent token ended"
      about={`${token.name} of ${person.email}`}
    >
      Every agent of {person.name} that uses <strong className="font-medium">{token.name}</strong> is refused
      from its next call on. Their other tokens and their Asana connections stay. This can’t be undone; they
      can make a new token.
    </ConfirmEnd>
  );
}

/** What they allowed an MCP client. */
export function EndClient({ person, grant }: { person: Person; grant: { id: string; client: string } }) {
  return (
    <ConfirmEnd
      operation="DELETE /members/{email}/grants/{id}"
      input={{ path: { email: person.email, id: grant.id } }}
      text="End"
      label={`End access of ${grant.client}`}
      title="End this client’s access?"
      confirm="End access"
      done="Access ended"
      about={`${grant.client} of ${person.email}`}
    >
      The next call of <strong className="font-medium">{grant.client}</strong> as {person.name} is refused.
      Their other clients, tokens and Asana connections stay. They can allow it anew; to keep it out, block it
      under Clients.
    </ConfirmEnd>
  );
}
