// Which account at the company a person signs in with, and the way out where the company gave them another.
import type { OperationAnswer } from '@/lib/portal/operations';
import { ConfirmEnd } from '../confirm-end';
import { Fact, KeyValues } from '../ui/key-values';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';

type Identity = OperationAnswer<'GET /members/{email}/identity'>['identities'][number];

export function CompanyAccount({
  person,
  identities,
}: {
  person: { email: string; name: string };
  identities: readonly Identity[];
}) {
  if (identities.length === 0) return null;
  return (
    <Section
      title="Account at the company"
      actions={
        <ConfirmEnd
          operation="DELETE /members/{email}/identity"
          input={{ path: { email: person.email } }}
          text="Release"
          label={`Release ${person.name} from the account at the company`}
          title="Release from this account?"
          confirm="Release"
          done="Released from the account at the company"
          about={person.name}
        >
          This ends every sign-in of {person.name} here. Whoever next signs in through the company with the
          verified address {person.email} is {person.name} to Gatehouse. Their agents and Asana connections go
          on: if the address belongs to somebody else now, offboard {person.name} instead.
        </ConfirmEnd>
      }
    >
      {identities.map(({ issuer, subject, boundAt, usedAt }) => (
        <KeyValues key={issuer}>
          <Fact name="Issuer">{issuer}</Fact>
          <Fact name="Subject">
            <code className="font-mono text-xs">{subject}</code>
          </Fact>
          <Fact name="Since">
            <RelativeTime iso={boundAt} />
          </Fact>
          <Fact name="Last used">{usedAt && <RelativeTime iso={usedAt} />}</Fact>
        </KeyValues>
      ))}
    </Section>
  );
}
